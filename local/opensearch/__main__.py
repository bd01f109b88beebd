"""``python -m local.opensearch prepare`` fetches what the local search engine needs, or says why there will be none;
``archive`` makes its later starts quicker.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from local.environments import Unprepared
from local.opensearch import java
from local.opensearch.archive import Archive
from local.opensearch.choice import prepare
from local.opensearch.install import install
from local.supervisor import Stopping, stopping_on_signals


def say(text: str) -> None:
    """A line of progress."""
    print(text, flush=True)


def make_archive() -> None:
    """For the installation and the Java of this environment. Raises Unprepared, PartFailed and what commands raise."""
    home, found = install(os.environ, say), java.find(os.environ)
    archive = Archive.of(os.environ, home, found)
    with stopping_on_signals():
        if archive.make(home, found):
            archive.forget_others()


def main(arguments: Sequence[str]) -> int:
    """0 also where there will be no engine, unless the user has asked for one."""
    if list(arguments) not in (["prepare"], ["archive"]):
        print("usage: python -m local.opensearch prepare|archive", file=sys.stderr)
        return 2
    try:
        if arguments[0] == "archive":
            make_archive()
        elif why := prepare(os.environ, say).why:
            say(why)
    except Unprepared as reason:
        print(reason, file=sys.stderr)
        return 1
    except Stopping:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""``python -m local.opensearch prepare``: fetch what the local search engine needs, or say why there will be none."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from local.environments import Unprepared
from local.opensearch.choice import prepare


def main(arguments: Sequence[str]) -> int:
    """0 also where there will be none, unless the user has asked for one."""
    if list(arguments) != ["prepare"]:
        print("usage: python -m local.opensearch prepare", file=sys.stderr)
        return 2
    try:
        engine = prepare(os.environ, lambda text: print(text, flush=True))
    except Unprepared as reason:
        print(reason, file=sys.stderr)
        return 1
    if engine.why:
        print(engine.why)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

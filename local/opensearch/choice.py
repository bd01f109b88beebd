"""Which search engine the local stack runs on: the user's own, Docker's, Maven's, else the in-memory double."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from local.environments import Unprepared
from local.opensearch import docker, java
from local.opensearch.archive import Archive
from local.opensearch.install import install
from local.opensearch.probe import require_usable, wait_until_healthy
from local.opensearch.server import Server, environment
from local.parts import Part, free_port
from local.places import LOOPBACK, ROOT

MEMORY = "memory"
ORDER = ("url", "docker", "maven", MEMORY)
DIFFERS = (
    "the double answers the functions as OpenSearch would, but its cosines are exact, it stems English alone, its "
    'times are not an engine\'s, and nothing in it survives its end (docs/retrieval.md, "How the double differs")'
)
"""Said wherever it is used."""
NONE = "no OpenSearch: "
"""What the message begins with that says why there is none."""
OURS = f"-Dslipstream.root={ROOT}"
"""On the command line, so that a leftover is known for ours."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Engine:
    """The engine that was chosen; ``part`` is to be served where the stack itself starts it."""

    kind: str
    """``url``, ``docker``, ``maven``, ``memory`` (the in-memory double) or ``none``."""
    url: str = ""
    part: Part | None = None
    later: Part | None = None
    """What to begin when the stack is ready, and need not be waited for."""
    why: str = ""
    """Why there is no OpenSearch, as a line for the user."""

    @property
    def told(self) -> tuple[str, ...]:
        """What the user is to know of the choice, line by line."""
        if self.kind == MEMORY:
            return (self.why, DIFFERS)
        return (self.why or f"searches run on OpenSearch at {self.url}",)

    def wait(self, say: Say) -> None:
        """Return once the started engine is healthy. Raises PartFailed if it ends first or takes too long."""
        if self.part:
            wait_until_healthy(self.part, self.url, say)


def wanted(env: Mapping[str, str]) -> tuple[str, ...]:
    """The kinds to try, in order: all, or the one that SLIPSTREAM_SEARCH names. Raises Unprepared."""
    chosen = env.get("SLIPSTREAM_SEARCH", "")
    known = (*ORDER, "none")
    if chosen and chosen not in known:
        raise Unprepared(f"SLIPSTREAM_SEARCH is {chosen!r}; it has to be one of {', '.join(known)}, or unset")
    if chosen:
        return (chosen,)
    return ORDER if env.get("OPENSEARCH_URL") else ORDER[1:]


def prepare(env: Mapping[str, str], say: Say) -> Engine:
    """Fetch what the first kind needs that can be had; nothing is started. Raises Unprepared as ``choose``."""
    return first(env, lambda kind: require(kind, env, say))


def choose(env: Mapping[str, str], folder: Path, log: Path, say: Say, port: int = 0) -> Engine:
    """The engine to use, ready to be started. ``folder`` is for its data, ``port`` 0 for a free one.

    Raises Unprepared where the user has named one that cannot be had; PartFailed where the port is taken.
    """

    def make(kind: str) -> Engine:
        require(kind, env, say)
        if kind == "url":
            return Engine("url", env["OPENSEARCH_URL"].rstrip("/"))
        chosen = free_port(port)
        url = f"http://{LOOPBACK}:{chosen}"
        if kind == MEMORY:
            return Engine(kind, *double_engine(chosen, env, log))
        if kind == "docker":
            return Engine(kind, url, Part("opensearch", docker.command(chosen), environment(env), log))
        return maven_engine(env, folder, log, url, install(env, say))

    return first(env, make)


def first(env: Mapping[str, str], attempt: Callable[[str], Engine]) -> Engine:
    """What ``attempt`` gives for the first kind that can be had; what the user named has no substitute."""
    kinds, reasons = wanted(env), list[str]()
    for kind in kinds:
        why = f"{NONE}{'; '.join(reasons) or f'SLIPSTREAM_SEARCH is {kind}'}{consequence(kind)}"
        if kind == "none":
            return Engine(kind, why=why)
        try:
            found = attempt(kind)
            return replace(found, why=why) if kind == MEMORY else found
        except Unprepared as reason:
            if kind == "url":
                raise
            if len(kinds) == 1:
                instead = "mend that, or unset SLIPSTREAM_SEARCH, which takes what can be had"
                raise Unprepared(f"SLIPSTREAM_SEARCH is {kind}, but {reason}: {instead}") from reason
            reasons.append(" ".join(str(reason).split()))
    raise AssertionError("the double can always be had")


def consequence(kind: str) -> str:
    """What it means to have no engine."""
    return "; searches run on the in-memory double" if kind == MEMORY else "; there is no search"


def require(kind: str, env: Mapping[str, str], say: Say) -> Engine:
    """Make sure that an engine of this kind can be started or used. Raises Unprepared."""
    if kind == "url":
        require_usable(env.get("OPENSEARCH_URL", ""))
    elif kind == "docker":
        docker.require(env, say)
    elif kind == "maven":
        try:
            install(env, say)
        except OSError as error:
            raise Unprepared(f"OpenSearch cannot be installed: {error}") from error
    return Engine(kind)


def double_engine(port: int, env: Mapping[str, str], log: Path) -> tuple[str, Part]:
    """Where the in-memory double will be, and the process that serves it."""
    command = [sys.executable, "-m", "local.opensearch.double", "--port", str(port)]
    return f"http://{LOOPBACK}:{port}", Part("opensearch", command, env, log)


def maven_engine(env: Mapping[str, str], folder: Path, log: Path, url: str, home: Path) -> Engine:
    """The installed server, over a fresh data folder unless SLIPSTREAM_OPENSEARCH_KEEP is 1. Raises Unprepared."""
    found = java.find(env)
    if env.get("SLIPSTREAM_OPENSEARCH_KEEP") != "1":
        shutil.rmtree(folder, ignore_errors=True)
    server = Server(home, found, int(url.rpartition(":")[2]), free_port(), folder)
    server.make_folders()
    archive = Archive.of(env, home, found)
    part = Part("opensearch", server.command(*archive.flags(), OURS), environment(env), log)
    if archive.there:
        return Engine("maven", url, part)
    make = ["nice", "-n", "19", sys.executable, "-m", "local.opensearch", "archive"]
    return Engine("maven", url, part, Part("opensearch-archive", make, env, log.with_name("opensearch-archive.log")))

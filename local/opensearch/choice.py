"""Which search engine the local stack runs on: the user's own, Docker's, Maven's, else none but a double."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.environments import Unprepared
from local.opensearch import docker, java
from local.opensearch.install import install
from local.opensearch.probe import healthy, require_usable
from local.opensearch.server import Server, environment
from local.parts import Part, PartFailed, free_port
from local.places import LOOPBACK, ROOT

ORDER = ("url", "docker", "maven")
MEMORY = "memory"
NONE = "no OpenSearch: "
"""What the message begins with that says why there is none."""
START_TIMEOUT_S = 180.0
SIGN_OF_LIFE_S = 5.0
POLL_S = 0.1
Say = Callable[[str], None]


@dataclass(frozen=True)
class Engine:
    """The engine that was chosen; ``part`` is to be served where the stack itself starts it."""

    kind: str
    """``url``, ``docker``, ``maven``, ``memory`` (the in-memory double) or ``none``."""
    url: str = ""
    part: Part | None = None
    why: str = ""
    """Why there is no engine, as a line for the user."""

    def wait(self, say: Say, timeout_s: float = START_TIMEOUT_S) -> None:
        """Return once the started engine is healthy. Raises PartFailed if it ends first or takes too long."""
        if self.part is None:
            return
        began = told = time.monotonic()
        while not healthy(self.url):
            self.part.check()
            now = time.monotonic()
            if now - began > timeout_s:
                raise PartFailed(
                    f"OpenSearch was not ready within {timeout_s:.0f} s; its last lines:\n{self.part.tail()}"
                )
            if now - told >= SIGN_OF_LIFE_S:
                say(f"waiting for OpenSearch ({now - began:.0f} s)")
                told = now
            time.sleep(POLL_S)


def wanted(env: Mapping[str, str]) -> tuple[str, ...]:
    """The kinds to try, in order: all, or the one that SLIPSTREAM_SEARCH names. Raises Unprepared."""
    chosen = env.get("SLIPSTREAM_SEARCH", "")
    known = (*ORDER, MEMORY, "none")
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
        command = docker.command(chosen) if kind == "docker" else maven_command(env, folder, chosen, say)
        part = Part("opensearch", command, environment(env), log)
        return Engine(kind, f"http://{LOOPBACK}:{chosen}", part)

    return first(env, make)


def first(env: Mapping[str, str], attempt: Callable[[str], Engine]) -> Engine:
    """What ``attempt`` gives for the first kind that can be had; what the user named has no substitute."""
    kinds, reasons = wanted(env), []
    for kind in kinds:
        if kind in {MEMORY, "none"}:
            return Engine(kind, why=f"{NONE}SLIPSTREAM_SEARCH is {kind}{consequence(kind)}")
        try:
            return attempt(kind)
        except Unprepared as reason:
            if kind == "url" or len(kinds) == 1:
                raise
            reasons.append(str(reason))
    return Engine(MEMORY, why=f"{NONE}{'; '.join(reasons)}{consequence(MEMORY)}")


def consequence(kind: str) -> str:
    """What it means to have no engine."""
    return "; searches run on the in-memory double" if kind == MEMORY else "; there is no search"


def require(kind: str, env: Mapping[str, str], say: Say) -> Engine:
    """Make sure that an engine of this kind can be started or used. Raises Unprepared."""
    if kind == "url":
        require_usable(env.get("OPENSEARCH_URL", ""))
    elif kind == "docker":
        docker.require(env, say)
    else:
        try:
            install(env, say)
        except OSError as error:
            raise Unprepared(f"OpenSearch cannot be installed: {error}") from error
    return Engine(kind)


def maven_command(env: Mapping[str, str], folder: Path, port: int, say: Say) -> list[str]:
    """The installed server's command line, over a fresh data folder unless SLIPSTREAM_OPENSEARCH_KEEP is 1."""
    if env.get("SLIPSTREAM_OPENSEARCH_KEEP") != "1":
        shutil.rmtree(folder, ignore_errors=True)
    server = Server(install(env, say), java.find(env), port, free_port(), folder)
    server.make_folders()
    return server.command(f"-Dslipstream.root={ROOT}")

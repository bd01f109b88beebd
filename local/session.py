"""Starts and stops the launcher from outside: what `up`, `down`, `demo` and the end-to-end tests call."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import dropwhile, takewhile

from local import endpoint
from local.endpoint import Endpoint
from local.launcher import ALREADY_RUNNING, ATTACHED_TO, ERROR
from local.leftovers import end_leftovers
from local.opensearch.choice import DIFFERS, MEMORY
from local.parts import QUOTED
from local.places import ROOT, Places

POLL_S = 0.1
START_TIMEOUT_S = 600.0
STOP_TIMEOUT_S = 30.0


class NotStarted(Exception):
    """The stack did not come up; ``code`` is the launcher's exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def running(places: Places) -> bool:
    """Whether a launcher holds the folder's lock."""
    try:
        with places.lock.open("r") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def why_ended(places: Places) -> str:
    """The last words of a launcher that ended by itself, with the last line of the part that did it.

    Empty where it runs, was stopped or never was.
    """
    if running(places) or not places.launcher_log.exists():
        return ""
    lines = places.launcher_log.read_text(errors="replace").splitlines()
    words = list(dropwhile(lambda line: not line.startswith(ERROR), lines))
    if not words:
        return ""
    reason = words[0].removeprefix(ERROR).partition(QUOTED)[0]
    said = [line.strip() for line in words[1:] if line.startswith("    ") and line.strip()]
    return f"{reason}: {said[-1]}" if said else reason


Launcher = subprocess.Popen[bytes]


def start(places: Places, say: Callable[[str], None], *, attached: bool = False) -> tuple[Endpoint, Launcher | None]:
    """Start the stack, or join the one that runs; return its endpoint and the launcher that this call started.

    ``attached``: the stack ends when this process does, however that happens. Raises NotStarted.
    """
    if running(places):
        joined = _await_ready(places, None, say)
        if joined.search_engine == MEMORY:
            say(f"searches run on the in-memory double; {DIFFERS}")
        return joined, None
    places.folder.mkdir(parents=True, exist_ok=True)
    if reason := why_ended(places):
        say(f"the last one ended by itself: {reason} (its log: {places.earlier_log})")
    with suppress(FileNotFoundError):
        places.launcher_log.replace(places.earlier_log)
    env = {**os.environ, "SLIPSTREAM_LOCAL_DIR": str(places.folder)}
    if attached:
        env[ATTACHED_TO] = str(os.getpid())
    with places.launcher_log.open("wb") as log:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "local.launcher"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return _await_ready(places, launcher, say), launcher
    except BaseException:
        with suppress(ProcessLookupError):
            launcher.send_signal(signal.SIGTERM)
        launcher.wait(STOP_TIMEOUT_S)
        raise


def _await_ready(places: Places, launcher: Launcher | None, say: Callable[[str], None]) -> Endpoint:
    """Hand on the launcher's lines until the endpoint is there."""
    deadline = time.monotonic() + START_TIMEOUT_S
    told = 0
    while time.monotonic() < deadline:
        code = launcher.poll() if launcher else None
        lines = places.launcher_log.read_text(errors="replace").splitlines() if places.launcher_log.exists() else []
        if code == ALREADY_RUNNING:
            launcher = None
        elif code is not None:
            raise NotStarted("\n".join(lines[told:]) or f"see {places.launcher_log}", code or 1)
        elif launcher:
            steps = list(takewhile(lambda line: not line.startswith(ERROR), lines))
            for line in steps[told:]:
                say(line)
            told = len(steps)
        with suppress(FileNotFoundError):
            return endpoint.read(places.endpoint)
        if launcher is None and not running(places):
            raise NotStarted("the stack that was running has ended; start it again", 1)
        time.sleep(POLL_S)
    raise NotStarted(f"the stack was not ready within {START_TIMEOUT_S:.0f} s; see {places.launcher_log}", 1)


def stop(places: Places) -> bool:
    """Stop the stack; return whether there was anything to stop. Raises TimeoutError."""
    if not running(places):
        return bool(end_leftovers(places))
    deadline = time.monotonic() + STOP_TIMEOUT_S
    asked = False
    while running(places):
        if not asked and (pid := _launcher_pid(places)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            asked = True
        if time.monotonic() > deadline:
            raise TimeoutError(f"the launcher did not end within {STOP_TIMEOUT_S:.0f} s; see {places.launcher_log}")
        time.sleep(POLL_S)
    return True


def _launcher_pid(places: Places) -> int:
    """The running launcher's process id; 0 as long as it has not noted it."""
    with suppress(OSError, ValueError, KeyError):
        return int(json.loads(places.processes.read_text())["launcher"])
    return 0


@contextmanager
def session(places: Places, say: Callable[[str], None]) -> Iterator[Endpoint]:
    """The stack for the length of a block: joined if it runs, else started and ended again."""
    found, launcher = start(places, say, attached=True)
    try:
        yield found
    finally:
        if launcher is not None:
            stop(places)
            launcher.wait(STOP_TIMEOUT_S)

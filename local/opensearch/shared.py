"""One engine for any number of processes, as test workers are: started by the first, ended after the last.

Who uses it holds a shared lock on a file, which the kernel releases however the process ends; the keeper, a process
of its own, starts the engine and ends it when it gets that lock for itself.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from local.environments import Unprepared
from local.opensearch.choice import MEMORY, Engine, choose
from local.opensearch.probe import POLL_S
from local.parts import PartFailed
from local.places import ROOT, Places
from local.supervisor import Stopping, Supervisor, stopping_on_signals


class Found(msgspec.Struct, frozen=True):
    """What the keeper tells: an engine's kind and address, or why there is none, or what went wrong."""

    kind: str = ""
    url: str = ""
    why: str = ""
    error: str = ""


@dataclass(frozen=True)
class SharedFiles:
    """The files in the folder of a shared engine."""

    folder: Path

    @property
    def users(self) -> Path:
        """Locked, shared, by whoever uses the engine."""
        return self.folder / "users.lock"

    @property
    def joining(self) -> Path:
        """Locked by whoever is about to join: one at a time."""
        return self.folder / "joining.lock"

    @property
    def keeper(self) -> Path:
        """Locked by the keeper as long as it lives."""
        return self.folder / "keeper.lock"

    @property
    def found(self) -> Path:
        """What the keeper tells; removed when it ends."""
        return self.folder / "found.json"

    @property
    def log(self) -> Path:
        """What the keeper says while it starts the engine."""
        return self.folder / "keeper.log"


@contextmanager
def shared(folder: Path) -> Iterator[Found]:
    """The engine of ``folder`` for the length of a block. Raises PartFailed where it could not be started."""
    files = SharedFiles(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with files.users.open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        with files.joining.open("w") as joining:
            fcntl.flock(joining, fcntl.LOCK_EX)
            found = join(files)
        if found.error:
            raise PartFailed(found.error)
        yield found


def join(files: SharedFiles) -> Found:
    """What the keeper tells; it is started where there is none. Raises PartFailed where it ends without a word."""
    started = False
    while True:
        if kept(files):
            with suppress(FileNotFoundError):
                return msgspec.json.decode(files.found.read_bytes(), type=Found)
        elif started:
            raise PartFailed(f"the keeper of the shared OpenSearch ended:\n{files.log.read_text(errors='replace')}")
        else:
            command = [sys.executable, "-m", "local.opensearch.shared", str(files.folder)]
            with files.log.open("wb") as log:
                subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)
            started = True
        time.sleep(POLL_S)


def kept(files: SharedFiles) -> bool:
    """Whether a keeper lives."""
    with files.keeper.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def keep(files: SharedFiles, supervisor: Supervisor) -> None:
    """Start the engine, tell where it is, return once nobody uses it. Raises PartFailed if it ends before."""

    def say(text: str) -> None:
        print(text, flush=True)

    try:
        engine = choose(os.environ, files.folder / "data", files.folder / "opensearch.log", say)
        if engine.kind == MEMORY:
            engine = Engine(MEMORY, why=engine.why)  # who shares it has it in memory, without a server between
        if engine.part:
            supervisor.serve(engine.part)
            engine.wait(say)
        found = Found(engine.kind, engine.url, engine.why)
    except (Unprepared, PartFailed) as error:
        found = Found(error=str(error))
    fresh = files.found.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(found))
    fresh.replace(files.found)
    with files.users.open("w") as users:
        while True:
            supervisor.check()
            with suppress(OSError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                files.found.unlink()
                return
            time.sleep(POLL_S)


def main(folder: str) -> int:
    """Be the keeper, nobody's child: this returns when the lock is held, and leaves a process that holds it.

    Who starts a keeper has seen that there is none, and is alone in that (``joining``).
    """
    files = SharedFiles(Path(folder))
    with files.keeper.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fork():
            return 0
        os.setsid()
        supervisor = Supervisor(Places(files.folder))
        files.found.unlink(missing_ok=True)
        try:
            with stopping_on_signals():
                keep(files, supervisor)
        except (Stopping, PartFailed) as end:
            print(end, flush=True)
        finally:
            files.found.unlink(missing_ok=True)
            supervisor.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""Runs parts until told to stop; when one ends by itself, all end and its last lines are told."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from local.parts import QUOTED, Part, PartFailed, ending
from local.places import Places

POLL_S = 0.1


class Stopping(BaseException):
    """SIGTERM or SIGINT came."""


class Supervisor:
    """Starts, watches and ends processes. Use from the main thread only: a part dies with the thread that made it."""

    def __init__(self, places: Places, attached_to: int = 0) -> None:
        self.places = places
        self.attached_to = attached_to
        """Process that started this one and that it must not outlive; 0 for none."""
        self.services: list[Part] = []
        self.tasks: list[Part] = []

    def serve(self, part: Part) -> None:
        """Start a part that has to live as long as the stack."""
        part.start()
        self.services.append(part)
        self.record()

    def begin(self, part: Part) -> Part:
        """Start a part that is to end by itself (``finish`` waits for it)."""
        part.start()
        self.tasks.append(part)
        self.record()
        return part

    def finish(self, part: Part) -> None:
        """Wait until a begun part has ended well. Raises PartFailed if it, or a service meanwhile, has not."""
        while part.process is not None and part.process.poll() is None:
            self.check()
            time.sleep(POLL_S)
        self.tasks.remove(part)
        code = part.process.returncode if part.process else 1
        if code:
            raise PartFailed(f"{part.name} failed with {ending(code)}{QUOTED}:\n{part.tail()}", code)

    def check(self) -> None:
        """Raise PartFailed if a service has ended, Stopping if the process that this one is attached to has."""
        if self.attached_to and os.getppid() != self.attached_to:
            raise Stopping
        for part in self.services:
            part.check()

    def watch(self) -> None:
        """Return only by an exception: a part ended (PartFailed) or a signal came (Stopping)."""
        while True:
            self.check()
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End everything, what was started last first."""
        for part in reversed([*self.services, *self.tasks]):
            part.stop()
        self.services.clear()
        self.tasks.clear()
        self.places.processes.unlink(missing_ok=True)

    def record(self) -> None:
        """Keep the process ids, for `down` and for a launcher that finds what a killed one has left."""
        pids = {part.name: part.pid for part in [*self.services, *self.tasks]}
        record = {"launcher": os.getpid(), "parts": pids}
        fresh = self.places.processes.with_suffix(".new")
        fresh.write_text(json.dumps(record))
        fresh.replace(self.places.processes)


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGINT into ``Stopping``, once; what comes while things are being ended is ignored."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        raise Stopping

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield

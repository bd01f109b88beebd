"""The local stack's processes: started each in a group of its own, watched, and ended with all their children."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.places import LOOPBACK, ROOT

STOP_GRACE_S = 5.0
TAIL_LINES = 25
PR_SET_PDEATHSIG = 1
QUOTED = "; its last lines"
"""What stands between an error and the lines of the part that it quotes."""


class PartFailed(Exception):
    """A part ended by itself, or never became ready. ``code`` is what the launcher ends with."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Part:
    """One process: what to run, where it logs."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    cwd: Path = ROOT
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it. Its output goes to its log file, which begins anew."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  only prctl in there
            )

    @property
    def pid(self) -> int:
        """Process id, also that of its group; 0 before the start."""
        return self.process.pid if self.process else 0

    def check(self) -> None:
        """Raise PartFailed, with the last lines of the log, if the process has ended."""
        code = self.process.poll() if self.process else None
        if code is not None:
            raise PartFailed(f"{self.name} ended with {ending(code)}{QUOTED}:\n{self.tail()}", code or 1)

    def tail(self) -> str:
        """The last lines of the log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:]) + f"\n  (all of it: {self.log})"

    def wait_for_port(self, port: int, timeout_s: float) -> None:
        """Return once something listens on the port. Raises PartFailed if it ends first or takes too long."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.check()
            with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=0.5):
                return
            time.sleep(0.05)
        raise PartFailed(f"{self.name} did not listen within {timeout_s:.0f} s{QUOTED}:\n{self.tail()}")

    def end(self, timeout_s: float) -> None:
        """Ask it to end and give it time for that. Raises PartFailed if it takes longer."""
        if self.process is not None:
            signal_group(self.pid, signal.SIGTERM)
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired as error:
                raise PartFailed(f"{self.name} did not end within {timeout_s:.0f} s") from error

    def stop(self) -> None:
        """Ask the whole group to end, then make it."""
        if self.process is None:
            return
        signal_group(self.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_GRACE_S)
        signal_group(self.pid, signal.SIGKILL)
        self.process.wait()


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process group; nothing happens where it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def end_with_parent() -> None:
    """Linux: the kernel ends this process when the launcher dies, however that happens."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def ending(code: int) -> str:
    """An exit code in words."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def free_port(wanted: int = 0) -> int:
    """A free loopback port, or the wanted one. Raises PartFailed if that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, wanted))
        except OSError as error:
            raise PartFailed(f"port {wanted} is taken ({error.strerror}): choose another, or 0 for any") from error
        return int(probe.getsockname()[1])

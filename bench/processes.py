"""Processes under measurement: start, wait until they listen, count their CPU, stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
START_TIMEOUT_S = 60.0


class ProcessFailed(RuntimeError):
    """A measured process ended by itself; the message holds the end of what it printed."""


@dataclass
class Running:
    """A process and where it listens."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    tls_port: int = 0
    """Where it speaks TLS; 0 where it does not."""

    def cpu_ms(self) -> float:
        """User and system time of the process and its children so far, in ms."""
        return sum(cpu_ms(pid) for pid in family(self.process.pid))


def cpu_ms(pid: int) -> float:
    """CPU time of one process in ms, from /proc (0 when it is gone)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * 1000 / CLOCK_TICKS_PER_S


def family(pid: int) -> list[int]:
    """``pid`` and all its descendants."""
    out = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            out += family(int(child))
    return out


@contextmanager
def running(command: Sequence[str], *, environ: Mapping[str, str], folder: Path, name: str) -> Iterator[Running]:
    """Start ``command`` (which gets ``--port 0 --port-file FILE``) and stop it at the end. Raises ProcessFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    port_file, log = folder / f"{name}.port", folder / f"{name}.log"
    port_file.unlink(missing_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--port", "0", "--port-file", str(port_file)],
            env={**os.environ, **environ}, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        ports = _wait_for_ports(process, port_file, log)
        yield Running(process, ports["port"], log, ports.get("tls_port", 0))
    finally:
        try:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()


def _wait_for_ports(process: subprocess.Popen[bytes], port_file: Path, log: Path) -> dict[str, int]:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ProcessFailed(f"it ended with status {process.returncode}:\n{log.read_text()[-2000:]}")
        if port_file.exists() and (text := port_file.read_text().strip()):
            return {name: int(port) for name, port in json.loads(text).items()}
        time.sleep(0.02)
    raise ProcessFailed(f"it did not listen within {START_TIMEOUT_S:.0f} s:\n{log.read_text()[-2000:]}")

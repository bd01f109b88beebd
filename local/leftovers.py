"""Ends what a launcher has left behind that was itself killed before it could."""

from __future__ import annotations

import json
import signal
import subprocess
import time

from local.parts import signal_group
from local.places import ROOT, Places

GRACE_S = 3.0


def recorded(places: Places) -> dict[str, int]:
    """Part name → process id, as the last launcher noted them; empty where none did."""
    try:
        parts = json.loads(places.processes.read_text())["parts"]
        return {str(name): int(pid) for name, pid in parts.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def ours(pid: int) -> bool:
    """Whether the process is one that runs out of this project: an id may have been given to another since."""
    found = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return str(ROOT) in found.stdout


def end_leftovers(places: Places) -> list[str]:
    """End the recorded parts that still run; return their names. Call only while no launcher runs."""
    alive = {name: pid for name, pid in recorded(places).items() if ours(pid)}
    for pid in alive.values():
        signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    while any(ours(pid) for pid in alive.values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in alive.values():
        if ours(pid):
            signal_group(pid, signal.SIGKILL)
    places.processes.unlink(missing_ok=True)
    return list(alive)

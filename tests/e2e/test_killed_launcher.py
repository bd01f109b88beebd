"""A launcher that is killed cannot end its parts: nothing may be left of them after `slipstream down`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from urllib.request import urlopen

from local.environments import ROOT
from local.places import Places
from local.session import running, start, stop

PATIENCE_S = 20.0


def table() -> dict[int, tuple[int, str]]:
    """Process id → (parent's id, state) of every process."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in listed.stdout.splitlines())
    return {int(pid): (int(parent), state) for pid, parent, state in rows}


def descendants(of: int) -> set[int]:
    """A process's children, their children, and so on."""
    children = defaultdict(list)
    for pid, (parent, _) in table().items():
        children[parent].append(pid)
    found: set[int] = set()
    waiting = [of]
    while waiting:
        fresh = children[waiting.pop()]
        found.update(fresh)
        waiting += fresh
    return found


def alive(pids: set[int]) -> set[int]:
    """Those that run still; a zombie does not."""
    return {pid for pid, (_, state) in table().items() if pid in pids and not state.startswith("Z")}


def test_down_leaves_nothing_of_a_killed_launchers_stack(tmp_path: Path) -> None:
    places = Places(tmp_path / "stack")
    found, launcher = start(places, lambda _: None)
    assert launcher is not None
    try:
        urlopen(f"{found.base_url}/healthz").close()  # so that there is an environment of the function, too
        family = descendants(launcher.pid)
        assert len(family) > len(json.loads(places.processes.read_text())["parts"])

        launcher.send_signal(signal.SIGKILL)
        launcher.wait(PATIENCE_S)
        down = subprocess.run(
            [sys.executable, "-c", "from cli.main import main; main()", "down"],
            cwd=ROOT,
            env={**os.environ, "SLIPSTREAM_LOCAL_DIR": str(places.folder)},
            check=False,
        )
        deadline = time.monotonic() + PATIENCE_S
        while alive(family) and time.monotonic() < deadline:
            time.sleep(0.05)

        assert down.returncode == 0
        assert alive(family) == set()
        assert not running(places)
    finally:
        stop(places)

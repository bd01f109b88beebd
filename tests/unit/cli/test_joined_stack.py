"""Who joins a stack that runs is told what its searches run on, if that is no engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.endpoint import Endpoint
from local.launcher import hold_lock
from local.opensearch.choice import DIFFERS
from local.places import Places
from local.session import start


@pytest.mark.parametrize(
    ("engine", "told"), [("memory", [f"searches run on the in-memory double; {DIFFERS}"]), ("maven", [])]
)
def test_the_double_is_said_aloud(tmp_path: Path, engine: str, told: list[str]) -> None:
    places, said = Places(tmp_path), list[str]()
    running = Endpoint("http://x", "https://x", "ca", "http://x/v1", "key", "model", "http://e", engine)
    lock = hold_lock(places)
    assert lock is not None
    with lock:
        running.write(places.endpoint)
        found, launcher = start(places, said.append)

    assert (found, launcher, said) == (running, None, told)

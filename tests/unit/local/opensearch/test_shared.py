"""The keeper is a real process here; the engine it keeps is the double, which starts at once."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from local.opensearch.shared import SharedFiles, kept, shared
from local.parts import PartFailed
from local.places import ROOT

HOLD = """
import sys, pathlib
from local.opensearch.shared import shared
with shared(pathlib.Path(sys.argv[1])) as found:
    print(found.kind, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPSTREAM_SEARCH", "memory")


def wait_for_the_keepers_end(folder: Path) -> None:
    with SharedFiles(folder).keeper.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def test_the_second_user_finds_what_the_first_has_started(tmp_path: Path) -> None:
    with shared(tmp_path) as first, shared(tmp_path) as second:
        assert first == second
        assert first.why == "no OpenSearch: SLIPSTREAM_SEARCH is memory; searches run on the in-memory double"


def test_it_is_kept_until_the_last_user_has_gone(tmp_path: Path) -> None:
    with shared(tmp_path):
        with shared(tmp_path):
            pass
        assert kept(SharedFiles(tmp_path))
    wait_for_the_keepers_end(tmp_path)
    assert not SharedFiles(tmp_path).found.exists()


def test_a_user_that_is_killed_counts_no_longer(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "memory\n"
        user.kill()
    wait_for_the_keepers_end(tmp_path)
    assert not kept(SharedFiles(tmp_path))


def test_an_engine_that_cannot_be_started_is_told_to_every_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPSTREAM_SEARCH", "solr")
    for _ in range(2):
        with pytest.raises(PartFailed, match="SLIPSTREAM_SEARCH is 'solr'"), shared(tmp_path):
            pass

"""What a user types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.endpoint import Endpoint
from local.places import ROOT, Places
from local.session import running

SLIPSTREAM = [sys.executable, "-c", "from cli.main import main; main()"]


@pytest.fixture
def environment(local_stack: Endpoint, local_places: Places) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLIPSTREAM_")}
    return {**kept, "SLIPSTREAM_LOCAL_DIR": str(local_places.folder)}


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SLIPSTREAM, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_ask_answers_from_the_document_with_a_waterfall(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "gate.md").write_text("The gate opens at nine. Tickets cost four crowns.")

    asked = run(environment, "ask", "When does the gate open?", "--file", str(tmp_path / "gate.md"))

    assert asked.returncode == 0, asked.stderr
    assert "nine" in asked.stdout
    assert "bedrock wait" in asked.stdout


def test_ask_json_is_one_object(environment: dict[str, str]) -> None:
    found = json.loads(run(environment, "ask", "What is a queue?", "--model", "fast", "--json").stdout)

    assert found["slipstream"]["tokens"]["output"] > 0
    assert found["first_token_ms"] <= found["total_ms"]


def test_a_prompt_over_the_context_window_is_refused_with_the_limit(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "long.txt").write_text("one two three four five six seven eight. " * 60_000)

    asked = run(environment, "ask", "?", "--file", str(tmp_path / "long.txt"), "--model", "fast")

    assert asked.returncode == 1
    assert "context_length_exceeded" in asked.stderr


def test_a_key_is_made_used_listed_and_revoked(environment: dict[str, str]) -> None:
    made = json.loads(run(environment, "keys", "create", "--name", "e2e", "--json").stdout)
    with_it = run({**environment, "SLIPSTREAM_API_KEY": made["key"]}, "ask", "What is a queue?", "--json")
    revoked = run(environment, "keys", "revoke", made["id"])
    listed = json.loads(run(environment, "keys", "list", "--json").stdout)["data"]

    assert with_it.returncode == 0, with_it.stderr
    assert revoked.returncode == 0, revoked.stderr
    assert [record["revoked_at"] is not None for record in listed if record["id"] == made["id"]] == [True]


def test_up_joins_the_stack_that_runs(environment: dict[str, str], local_stack: Endpoint, local_places: Places) -> None:
    again = run(environment, "up")

    assert again.returncode == 0
    assert "already running" in again.stdout
    assert local_stack.api_key in again.stdout
    assert running(local_places)


def test_the_tour_joins_it_too_and_leaves_it_running(environment: dict[str, str], local_places: Places) -> None:
    tour = run(environment, "demo")

    assert tour.returncode == 0, tour.stdout + tour.stderr
    assert "What each technique saved" in tour.stdout
    assert tour.stdout.count("modelled") >= 3
    assert running(local_places)

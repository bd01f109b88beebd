"""AWS's own load tester."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from local.endpoint import Endpoint
from local.environments import ENVIRONMENTS

SCRIPT = Path(__file__).with_name("llmeter_run.py")
PYTHON = ENVIRONMENTS["llmeter"].python


@pytest.mark.skipif(not PYTHON.exists(), reason="`make test` and `make bench` install LLMeter into build/tools")
def test_llmeter_measures_the_gateway_without_a_failed_request(local_stack: Endpoint) -> None:
    command = [str(PYTHON), str(SCRIPT), local_stack.openai_base_url, local_stack.api_key, "fast"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr[-2000:]
    stats = json.loads(run.stdout.splitlines()[-1])
    assert stats["failed_requests"] == 0
    assert stats["total_requests"] == 4
    assert 0 < stats["time_to_first_token-p50"] < stats["time_to_last_token-p50"]

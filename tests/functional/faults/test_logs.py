"""What the processes write: figures and places, never a prompt, an answer or a key."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from bench.odd_requests import examine, unforeseen
from bench.processes import running
from tests.functional.faults.conftest import NOVA, Double, Host, Stack, environ_over

SECRET, KEY = "marker-of-a-prompt-7f3a", "sk-slip-marker-of-a-key-91c2"
CRASHING = """
import sys
from slipstream.models.prompt_plan import PromptPlanner
def crash(self, call):
    raise ValueError(f"cannot plan {call!r}")
PromptPlanner.plan = crash
from slipstream.runtime.serve import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def crashing(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A gateway with a defect whose exception quotes the prompt."""
    folder = tmp_path_factory.mktemp("crashing")
    environ = environ_over(stack.double_port)
    with running([sys.executable, "-c", CRASHING], environ=environ, folder=folder, name="crashing") as process:
        yield Host(process)


def ask_everything(host: Host) -> set[int]:
    """Good and bad requests on every route, each with the markers in prompt and key."""
    said = {"role": "user", "content": f"{SECRET}. What is it?"}
    headers = {"authorization": f"Bearer {KEY}", "x-api-key": KEY}
    chat = {"model": NOVA, "messages": [said], "user": SECRET, "metadata": {"a": SECRET}}
    converse = {"messages": [{"role": "user", "content": [{"text": SECRET}]}], "system": [{"text": SECRET}]}
    asked = [
        ("/v1/chat/completions", chat),
        ("/v1/chat/completions", chat | {"stream": True}),
        ("/v1/chat/completions", chat | {"model": SECRET}),
        ("/v1/chat/completions", chat | {SECRET: SECRET}),
        ("/v1/chat/completions", chat | {"messages": [{"role": SECRET}]}),
        ("/v1/chat/completions", f'{{"messages": "{SECRET}'.encode()),
        ("/v1/embeddings", {"model": "amazon.titan-embed-text-v2:0", "input": SECRET}),
        (f"/model/{NOVA}/converse", converse),
        (f"/model/{NOVA}/converse-stream", converse),
        (f"/model/{NOVA}/converse", json.dumps(converse)[:-9].encode()),
        (f"/model/{NOVA}/invoke", converse),
        (f"/model/{NOVA}/count-tokens", {"input": {"converse": converse}}),
        (f"/{SECRET}", {}),
    ]
    return {host.post(path, body, headers).status for path, body in asked}


def test_neither_a_prompt_nor_a_key_is_logged(stack: Stack, double: Double) -> None:
    assert {200, 400, 404} <= ask_everything(stack.host)
    for kind in ("cut", "garbage", "exception", "throttle", "status"):
        double.arm(kind, times=0)
        ask_everything(stack.host)
        double.control("reset", {})
    last = stack.host.chat()
    stack.host.metrics_of(last)
    for written in (stack.host.logged(), stack.double_log.read_text(errors="replace")):
        assert SECRET not in written
        assert KEY not in written


def test_a_crash_is_logged_by_its_place_and_told_by_its_request_id(crashing: Host, double: Double) -> None:
    assert 500 in ask_everything(crashing)
    reply = crashing.chat()
    assert reply.headers["x-request-id"] in reply.message
    written = crashing.logged()
    assert '"type":"ValueError"' in written
    assert reply.headers["x-request-id"] in written
    assert SECRET not in written
    assert KEY not in written
    assert SECRET.encode() not in reply.body
    assert b"Traceback" not in reply.body


def test_odd_and_bad_requests_on_both_wires_find_no_fault(stack: Stack, double: Double) -> None:
    found = examine(stack.host.port, requests=400, seed=4)
    assert found["examples"] == []
    assert found["requests"] == 400
    assert unforeseen(stack.host.running.log) == []

"""A client that leaves in the middle of an answer does not leave Bedrock talking to nobody."""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from local.endpoint import Endpoint
from local.places import Places

SILENCE_MS = 60_000
"""How long the model would go on with its answer: longer than the test waits, so nothing else ends the call."""
PATIENCE_S = 20.0


@pytest.fixture
def double(local_stack: Endpoint, local_places: Places) -> Any:
    """Asks the local Bedrock server's control endpoint; disarms its faults afterwards."""
    settings = json.loads((local_places.folder / "edge.json").read_text())
    base = settings["variables"]["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"]

    def ask(path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{base}/__double/{path}", data, {"content-type": "application/json"})) as answer:
            return json.load(answer)

    yield ask
    urlopen(Request(f"{base}/__double/faults", method="DELETE")).close()


def wait_for_abort(double: Any, aborted_before: int) -> dict[str, Any]:
    """The statistics once one more stream was aborted, or the last ones seen."""
    deadline = time.monotonic() + PATIENCE_S
    while (stats := double("stats"))["aborted_streams"] <= aborted_before and time.monotonic() < deadline:
        time.sleep(0.02)
    found: dict[str, Any] = stats
    return found


def test_the_call_to_bedrock_ends_when_the_client_hangs_up(local_stack: Endpoint, double: Any) -> None:
    before = double("stats")["aborted_streams"]
    double("faults", {"kind": "stall", "after": 3, "delay_ms": SILENCE_MS})
    body = {"model": "fast", "stream": True, "messages": [{"role": "user", "content": "What is a queue for?"}]}
    headers = {"authorization": f"Bearer {local_stack.api_key}", "content-type": "application/json"}
    connection = HTTPConnection(urlsplit(local_stack.base_url).netloc, timeout=PATIENCE_S)
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    answer = connection.getresponse()
    first = answer.readline()
    active = double("stats")["active_streams"]

    answer.close()
    connection.close()

    assert first.startswith(b"data:")
    assert active >= 1
    assert wait_for_abort(double, before)["aborted_streams"] == before + 1

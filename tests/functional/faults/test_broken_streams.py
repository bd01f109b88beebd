"""Answers that begin and then stall, break or lose their reader."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import openai
import pytest
from botocore.exceptions import EventStreamError

from tests.functional.faults.conftest import (
    FOREVER_MS,
    GPT,
    HI,
    HI_CONVERSE,
    NOVA,
    Double,
    Host,
    Stack,
    eventually,
)

BREAKS = [
    {"kind": "cut", "after": 3},
    {"kind": "garbage", "after": 3},
    {"kind": "exception", "after": 3, "error": "modelStreamErrorException"},
    {"kind": "exception", "after": 3, "error": "throttlingException"},
]
BROKEN = pytest.mark.parametrize("fault", BREAKS, ids=["cut", "garbage", "model error", "throttle"])


@BROKEN
@pytest.mark.parametrize("model", [NOVA, GPT])
def test_a_broken_stream_raises_in_the_openai_sdk_after_what_came(
    sdk: openai.OpenAI, double: Double, model: str, fault: dict[str, Any]
) -> None:
    double.arm(**fault)
    seen: list[Any] = []
    with pytest.raises(openai.APIError) as broken:
        seen.extend(sdk.chat.completions.create(model=model, messages=HI, stream=True))
    assert not isinstance(broken.value, openai.APIConnectionError)
    assert seen[0].choices[0].delta.content
    assert all(chunk.choices[0].finish_reason is None for chunk in seen)


@BROKEN
def test_a_broken_stream_never_looks_complete_on_the_line(host: Host, double: Double, fault: dict[str, Any]) -> None:
    double.arm(**fault)
    reply = host.chat(stream=True)
    assert reply.status == 200
    events = [line for line in reply.body.split(b"\n\n") if line]
    assert b"[DONE]" not in reply.body
    assert json.loads(events[-1].removeprefix(b"data: "))["error"]["message"]
    metrics = host.metrics_of(reply)
    assert metrics["errors"] == 1
    assert metrics["outcome"] not in ("ok", "cut")


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        (BREAKS[0], {"modelStreamErrorException"}),
        (BREAKS[1], {"modelStreamErrorException", "internalServerException"}),
        (BREAKS[2], {"modelStreamErrorException"}),
        (BREAKS[3], {"throttlingException"}),
        ({"kind": "exception", "error": "serviceUnavailableException"}, {"serviceUnavailableException"}),
        ({"kind": "exception", "error": "internalServerException"}, {"internalServerException"}),
        ({"kind": "exception", "error": "validationException"}, {"validationException"}),
    ],
)
def test_a_broken_stream_raises_in_boto3_after_what_came(
    boto: Any, double: Double, fault: dict[str, Any], names: set[str]
) -> None:
    double.arm(**fault)
    seen: list[Any] = []
    with (
        closing(boto.converse_stream(modelId=NOVA, messages=HI_CONVERSE)["stream"]) as stream,
        pytest.raises(EventStreamError) as broken,
    ):
        seen.extend(stream)
    assert broken.value.response["Error"]["Code"] in names
    assert any("contentBlockDelta" in event for event in seen)
    assert not any("messageStop" in event for event in seen)


@BROKEN
def test_an_answer_in_one_piece_that_breaks_has_an_error_status_on_both_wires(
    host: Host, double: Double, fault: dict[str, Any]
) -> None:
    double.arm(**fault, times=2)
    whole = host.chat()
    assert whole.status in (429, 502)
    assert whole.error["retryable"]
    assert host.metrics_of(whole)["errors"] == 1
    told = host.converse()
    assert told.status in (424, 429, 500)
    assert told.headers["x-amzn-errortype"] in (
        "ModelStreamErrorException", "ThrottlingException", "InternalServerException",
    )  # fmt: skip


def test_an_upstream_answer_that_broke_is_not_asked_for_again(host: Host, double: Double) -> None:
    double.arm("cut", after=3)
    host.chat(stream=True)
    assert double.calls() == 1


@pytest.mark.parametrize("model", [NOVA, GPT])
def test_signs_of_life_come_while_the_first_token_does_not(host: Host, double: Double, model: str) -> None:
    double.arm("slow", delay_ms=1000)
    reply = host.chat(model=model, stream=True)
    before, _, after = reply.body.partition(b"data: ")
    assert before.count(b": heartbeat\n\n") >= 1
    assert before.replace(b": heartbeat\n\n", b"") == b""
    assert after.endswith(b"data: [DONE]\n\n")


def test_the_sdk_takes_no_notice_of_signs_of_life(sdk: openai.OpenAI, double: Double) -> None:
    double.arm("slow", delay_ms=500)
    chunks = list(sdk.chat.completions.create(model=NOVA, messages=HI, stream=True))
    assert chunks[-1].choices[0].finish_reason


def test_a_silence_in_mid_stream_brings_signs_of_life_too(host: Host, double: Double) -> None:
    double.arm("stall", after=3, delay_ms=1000)
    reply = host.chat(stream=True)
    assert b"\n\n: heartbeat\n\n" in reply.body
    assert reply.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("kind", ["slow", "stall"])
def test_a_deadline_ends_an_answer_in_one_piece_with_504(host: Host, double: Double, kind: str) -> None:
    double.arm(kind, delay_ms=FOREVER_MS)
    reply = host.chat(slipstream={"deadline_ms": 300})
    assert (reply.status, reply.error["code"]) == (504, "upstream_timeout")
    assert "deadline_ms" in reply.message
    assert host.metrics_of(reply)["outcome"] == "upstream_timeout"
    eventually(lambda: double.aborted() == 1)


@pytest.mark.parametrize("kind", ["slow", "stall"])
def test_a_deadline_ends_a_stream_that_has_begun_with_an_error_event(host: Host, double: Double, kind: str) -> None:
    double.arm(kind, delay_ms=FOREVER_MS)
    reply = host.chat(stream=True, slipstream={"deadline_ms": 500})
    assert reply.status == 200
    last = reply.body.rstrip().rpartition(b"data: ")[2]
    assert json.loads(last)["error"]["code"] == "upstream_timeout"
    eventually(lambda: double.aborted() == 1)


def test_a_deadline_is_bedrocks_model_timeout_on_its_wire(host: Host, double: Double) -> None:
    double.arm("slow", delay_ms=FOREVER_MS)
    reply = host.post(f"/model/{NOVA}/converse", {"messages": HI_CONVERSE}, {"x-slipstream-deadline-ms": "300"})
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (408, "ModelTimeoutException")


# -- clients that leave

Connect = Callable[[], Any]
ASKS = {
    "openai stream": ("/v1/chat/completions", {"model": NOVA, "messages": HI, "stream": True}),
    "openai whole": ("/v1/chat/completions", {"model": NOVA, "messages": HI}),
    "responses stream": ("/v1/chat/completions", {"model": GPT, "messages": HI, "stream": True}),
    "responses converse-stream": (f"/model/{GPT}/converse-stream", {"messages": HI_CONVERSE}),
    "converse-stream": (f"/model/{NOVA}/converse-stream", {"messages": HI_CONVERSE}),
    "converse": (f"/model/{NOVA}/converse", {"messages": HI_CONVERSE}),
    "invoke stream": (f"/model/{NOVA}/invoke-with-response-stream", {"messages": HI_CONVERSE}),
}


@contextmanager
def asked(host: Host, path: str, body: Any, context: ssl.SSLContext | None = None) -> Iterator[socket.socket]:
    """A connection over which the request has just been sent; leaving the block hangs up."""
    raw = json.dumps(body).encode()
    with socket.create_connection(("localhost", host.port), timeout=30) as plain:
        sock = context.wrap_socket(plain, server_hostname="localhost") if context else plain
        with sock:
            head = f"POST {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
            sock.sendall(head.encode() + raw)
            yield sock


@pytest.mark.parametrize("ask", ASKS)
def test_the_upstream_call_ends_when_its_client_leaves_before_the_first_token(
    host: Host, double: Double, ask: str
) -> None:
    double.arm("slow", delay_ms=FOREVER_MS)
    with asked(host, *ASKS[ask]):
        eventually(lambda: double.control("stats")["active_streams"] == 1)
    eventually(lambda: double.aborted() == 1)
    assert double.control("stats")["active_streams"] == 0


@pytest.mark.parametrize("ask", [name for name in ASKS if "stream" in name])
def test_the_upstream_stream_ends_when_its_client_leaves_midway(host: Host, double: Double, ask: str) -> None:
    double.arm("stall", after=3, delay_ms=FOREVER_MS)
    with asked(host, *ASKS[ask]) as sock:
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    eventually(lambda: double.aborted() == 1)


def test_a_client_that_leaves_over_tls_is_noticed_too(stack: Stack, double: Double) -> None:
    double.arm("stall", after=3, delay_ms=FOREVER_MS)
    context = ssl.create_default_context(cafile=str(stack.ca))
    with asked(stack.secure, *ASKS["openai stream"], context) as sock:
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    eventually(lambda: double.aborted() == 1)


def test_a_client_that_left_is_recorded_as_such(host: Host, double: Double) -> None:
    double.arm("stall", after=3, delay_ms=FOREVER_MS)
    with asked(host, *ASKS["openai stream"]) as sock:
        head = sock.recv(65536)
    request_id = next(
        line.partition(b": ")[2].decode() for line in head.split(b"\r\n") if line.startswith(b"x-request-id: ")
    )
    found = host.metrics(lambda line: line.get("request_id") == request_id)
    assert found["outcome"] in ("client_closed_request", "cut")

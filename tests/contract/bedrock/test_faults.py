"""Faults on demand, as real clients meet them."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EventStreamError
from openai import APIError, InternalServerError, RateLimitError
from urllib3.exceptions import ProtocolError

from local.bedrock.faults import Fault, parse_header
from local.bedrock.settings import Settings
from tests.contract.bedrock.running import Running, says, text_of

NOVA = "amazon.nova-lite-v1:0"
ASKED = [says("The Eiffel Tower is 330 metres tall. How tall is the Eiffel Tower?")]


def read(client: Any, into: list[dict[str, Any]]) -> None:
    """Read a stream to its end, whichever that is, and close it."""
    with contextlib.closing(client.converse_stream(modelId=NOVA, messages=ASKED)["stream"]) as stream:
        into.extend(stream)


@pytest.mark.parametrize(
    ("header", "code", "status"),
    [
        ("throttle", "ThrottlingException", 429),
        ("status=408", "ModelTimeoutException", 408),
        ("status=424", "ModelErrorException", 424),
        ("status=500", "InternalServerException", 500),
        ("status=503", "ServiceUnavailableException", 503),
    ],
)
def test_a_refusal_has_bedrocks_exception_and_status(server: Running, header: str, code: str, status: int) -> None:
    with pytest.raises(ClientError) as refused:
        server.boto(x_double_fault=header).converse(modelId=NOVA, messages=ASKED)
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_retry_after_is_sent_where_asked_for(server: Running) -> None:
    with pytest.raises(ClientError) as refused:
        server.boto(x_double_fault="throttle=7").converse(modelId=NOVA, messages=ASKED)
    assert refused.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"


def test_armed_faults_hit_the_next_calls_of_their_model_only(server: Running) -> None:
    server.control("faults", {"kind": "status", "status": 503, "times": 2, "model": "amazon.nova-*"})
    client = server.boto()
    assert client.converse(modelId="openai.gpt-oss-120b-1:0", messages=ASKED)["stopReason"] == "end_turn"
    for _ in range(2):
        with pytest.raises(ClientError, match="ServiceUnavailable"):
            client.converse(modelId=NOVA, messages=ASKED)
    assert client.converse(modelId=NOVA, messages=ASKED)["stopReason"] == "end_turn"
    assert server.control("stats")["faults"] == {"status": 2}


def test_an_exception_in_mid_stream_comes_after_the_tokens_it_was_told(server: Running) -> None:
    seen: list[dict[str, Any]] = []
    with pytest.raises(EventStreamError, match="throttlingException"):
        read(server.boto(x_double_fault="exception=throttlingException;after=3"), seen)
    assert sum("contentBlockDelta" in event for event in seen) == 3


def test_a_cut_stream_never_reports_its_end(server: Running) -> None:
    seen: list[dict[str, Any]] = []
    with pytest.raises(ProtocolError, match="ended prematurely"):
        read(server.boto(x_double_fault="cut;after=2"), seen)
    assert not any("messageStop" in event for event in seen)


def test_a_dropped_call_gets_no_answer_at_all(server: Running) -> None:
    with pytest.raises(ConnectionClosedError):
        server.boto(x_double_fault="drop").converse(modelId=NOVA, messages=ASKED)


def test_garbage_fails_the_checksum(server: Running) -> None:
    with pytest.raises(Exception, match=r"(?i)checksum"):
        read(server.boto(x_double_fault="garbage;after=1"), [])


def test_garbage_in_place_of_a_whole_answer_holds_no_output(server: Running) -> None:
    assert "output" not in server.boto(x_double_fault="garbage").converse(modelId=NOVA, messages=ASKED)


def test_a_stalled_stream_goes_on_and_is_complete(server: Running) -> None:
    seen: list[dict[str, Any]] = []
    read(server.boto(x_double_fault="stall=30;after=2"), seen)
    assert text_of(seen) == "The Eiffel Tower is 330 metres tall."


def test_a_stalled_stream_goes_on_when_the_faults_are_cleared(server: Running) -> None:
    answer = server.boto(x_double_fault="stall=600000;after=2").converse_stream(modelId=NOVA, messages=ASKED)
    with contextlib.closing(answer["stream"]) as stream:
        events = iter(stream)
        seen = [next(events)]
        while not server.clear_faults()["released"]:
            time.sleep(0.01)  # the first event may be here before the stall begins
        seen += events
    assert text_of(seen) == "The Eiffel Tower is 330 metres tall."
    assert server.clear_faults()["released"] == 0


def test_a_slow_first_token_is_late_by_what_was_asked(server: Running) -> None:
    began = time.monotonic()
    server.boto(x_double_fault="slow=60").converse(modelId=NOVA, messages=ASKED)
    assert time.monotonic() - began >= 0.06


def test_openais_client_raises_its_own_errors(server: Running) -> None:
    messages: Any = [{"role": "user", "content": "Hi"}]
    model = "openai.gpt-oss-120b-1:0"
    with pytest.raises(RateLimitError):
        server.openai(x_double_fault="throttle").chat.completions.create(model=model, messages=messages)
    with pytest.raises(InternalServerError):
        server.openai(x_double_fault="status=503").responses.create(model="openai.gpt-5.4", input="Hi")
    broken = server.openai(x_double_fault="exception;after=1")
    with pytest.raises(APIError):
        list(broken.chat.completions.create(model=model, messages=messages, stream=True))


def test_a_failed_response_says_so_and_never_completes(server: Running) -> None:
    client = server.openai(x_double_fault="exception;after=1")
    kinds = [event.type for event in client.responses.create(model="openai.gpt-5.4", input="Hi", stream=True)]
    assert kinds[-1] == "response.failed"
    assert "response.completed" not in kinds


def test_an_unknown_fault_is_refused_with_the_known_ones(server: Running) -> None:
    with pytest.raises(ClientError, match=r"unknown fault 'explode'.*throttle"):
        server.boto(x_double_fault="explode").converse(modelId=NOVA, messages=ASKED)


def test_a_header_reads_every_field() -> None:
    assert parse_header("stall=250;after=7") == Fault(kind="stall", delay_ms=250, after=7)
    assert parse_header("cut=4") == Fault(kind="cut", after=4)


def test_a_client_that_leaves_is_counted_as_an_aborted_stream() -> None:
    with Running(Settings(first_token_ms=0, token_ms=20, output_tokens=5_000)) as server:
        body = b'{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}'
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            head = f"POST /model/{NOVA}/converse-stream HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            raw.sendall(head.encode() + body)
            assert raw.recv(100).startswith(b"HTTP/1.1 200")
            assert server.control("stats")["active_streams"] == 1
        left = time.monotonic()
        while server.control("stats")["active_streams"]:
            assert time.monotonic() - left < 10
        assert server.control("stats")["aborted_streams"] == 1

"""Answers in one piece that are long in coming, through the server's real sockets; the clock is the test's."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from queue import SimpleQueue
from time import perf_counter
from typing import Any

import boto3
import openai
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from slipstream.chat.events import Event, Failed, Heartbeat, Started, Stopped, TextDelta, Usage
from slipstream.disconnect import Disconnect
from slipstream.errors import StreamCut
from slipstream.gateway.app import create_app
from slipstream.gateway.whole import Pace
from slipstream.models.resolved import ResolvedCall
from slipstream.runtime.wsgi import wsgi_app
from slipstream.runtime.wsgi_server import Server
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.gateway.scripted import MODEL, gateway

SILENCE_S, HEARTBEAT_S = 240.0, 15.0
REST: tuple[Event, ...] = (TextDelta("lo"), Stopped("end_turn"), Usage(7, 2))
CHAT = ("/v1/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]})
CONVERSE = (f"/model/{MODEL}/converse", {"messages": [{"role": "user", "content": [{"text": "hi"}]}]})
BOTH = pytest.mark.parametrize("call", [CHAT, CONVERSE], ids=["openai", "bedrock"])


class Slow:
    """A model that says what it is told when it is told, and a clock that moves as it is told."""

    def __init__(self) -> None:
        self._told: SimpleQueue[tuple[float, Event | None]] = SimpleQueue()
        self._ahead_s = 0.0
        self.closed = threading.Event()
        pace = Pace(silence_s=SILENCE_S, heartbeat_s=HEARTBEAT_S, clock=lambda: perf_counter() + self._ahead_s)
        self.server = Server(wsgi_app(create_app(gateway(models=self, pace=pace))))

    def stream(self, _call: ResolvedCall, _waterfall: Waterfall, _gone: Disconnect) -> Iterator[Event]:
        try:
            while True:
                later_s, event = self._told.get(timeout=10)
                self._ahead_s += later_s
                if event is None:
                    return
                yield event
        finally:
            self.closed.set()

    def says(self, *events: Event, after_s: float = 0.0) -> None:
        """Have the model say ``events``, the first of them ``after_s`` later by the clock."""
        for event in events:
            self._told.put((after_s, event))
            after_s = 0.0

    def ends(self, *events: Event) -> None:
        self.says(*events)
        self._told.put((0.0, None))


@pytest.fixture
def slow() -> Iterator[Slow]:
    model = Slow()
    model.server.start()
    yield model
    model.server.close()


class Client:
    """Sends one request and reads the answer's bytes as they come."""

    def __init__(self, slow: Slow, path: str, body: dict[str, Any]) -> None:
        self._sock = socket.create_connection(("127.0.0.1", slow.server.port), timeout=10)
        raw = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        self._sock.sendall(head.encode() + raw)
        self._buffer = b""

    def until(self, end: bytes) -> bytes:
        """Everything up to and with ``end``."""
        while end not in self._buffer:
            data = self._sock.recv(65536)
            assert data, self._buffer
            self._buffer += data
        at = self._buffer.index(end) + len(end)
        found, self._buffer = self._buffer[:at], self._buffer[at:]
        return found

    def rest(self) -> bytes:
        """Everything until the server closes."""
        while data := self._sock.recv(65536):
            self._buffer += data
        return self._buffer

    def close(self) -> None:
        self._sock.close()


def ask(slow: Slow, call: tuple[str, dict[str, Any]]) -> closing[Client]:
    return closing(Client(slow, *call))


SPACE = b"1\r\n \r\n"
"""A chunk with a sign of life."""


@BOTH
def test_an_answer_that_comes_in_time_has_its_length_and_its_figures_in_the_head(
    slow: Slow, call: tuple[str, dict[str, Any]]
) -> None:
    slow.says(Heartbeat(), after_s=HEARTBEAT_S)
    slow.says(Started(), TextDelta("Hel"), after_s=SILENCE_S - 20)
    slow.ends(*REST)
    with ask(slow, call) as client:
        head = client.until(b"\r\n\r\n")
    assert b"content-length: " in head
    assert b"server-timing: " in head


@BOTH
def test_one_that_is_long_in_coming_shows_signs_of_life_and_then_is_whole(
    slow: Slow, call: tuple[str, dict[str, Any]]
) -> None:
    with ask(slow, call) as client:
        slow.says(Heartbeat(), after_s=SILENCE_S - 1)
        slow.says(Heartbeat(), after_s=1)
        head = client.until(SPACE)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"content-type: application/json\r\n" in head
        assert b"content-length" not in head
        for _ in range(2):
            slow.says(Heartbeat(), after_s=HEARTBEAT_S)
            assert client.until(SPACE) == SPACE
        slow.ends(Started(), TextDelta("Hel"), *REST)
        length = int(client.until(b"\r\n"), 16)
        body = client.until(b"\r\n0\r\n\r\n")[:length]
    told = json.loads(b"   " + body)
    assert "Hello" in json.dumps(told.get("choices") or told["output"])


def test_a_model_that_writes_all_the_while_is_no_reason_for_silence(slow: Slow) -> None:
    with ask(slow, CHAT) as client:
        slow.says(Started(), TextDelta("Hel"), after_s=SILENCE_S)
        client.until(SPACE)
        slow.says(TextDelta(""), after_s=HEARTBEAT_S)
        assert client.until(SPACE) == SPACE
        slow.says(TextDelta(""), after_s=HEARTBEAT_S / 2)
        slow.ends(*REST)
        assert not client.until(b"0\r\n\r\n").startswith(SPACE)


@BOTH
@pytest.mark.parametrize("event", [Failed(StreamCut("cut")), None], ids=["failed", "no end"])
def test_one_that_fails_after_it_has_begun_breaks_off(
    slow: Slow, call: tuple[str, dict[str, Any]], event: Event | None
) -> None:
    with ask(slow, call) as client:
        slow.says(Heartbeat(), after_s=SILENCE_S)
        client.until(SPACE)
        slow.ends(*([event] if event else []))
        assert client.rest() == b""
    assert slow.closed.wait(10)


@BOTH
def test_one_that_fails_before_that_has_its_true_status(slow: Slow, call: tuple[str, dict[str, Any]]) -> None:
    slow.says(Heartbeat(), after_s=SILENCE_S - 1)
    slow.ends(Failed(StreamCut("cut")))
    with ask(slow, call) as client:
        status = client.until(b"\r\n")
    assert status.startswith((b"HTTP/1.1 502", b"HTTP/1.1 424"))


def test_a_client_that_leaves_meanwhile_ends_the_call(slow: Slow) -> None:
    with ask(slow, CHAT) as client:
        slow.says(Heartbeat(), after_s=SILENCE_S)
        client.until(SPACE)
    for _ in range(1000):
        slow.says(Heartbeat(), after_s=HEARTBEAT_S)
        if slow.closed.wait(0.01):  # the first write to a line that is closed still succeeds
            break
    assert slow.closed.is_set()


def sdk(slow: Slow) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"http://127.0.0.1:{slow.server.port}/v1", api_key="k", max_retries=0)


def boto(slow: Slow) -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=f"http://127.0.0.1:{slow.server.port}",
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )


def test_the_openai_sdk_reads_it(slow: Slow) -> None:
    slow.says(Heartbeat(), after_s=SILENCE_S)
    slow.says(Heartbeat(), after_s=HEARTBEAT_S)
    slow.ends(Started(), TextDelta("Hel"), *REST)
    with sdk(slow) as client:
        reply = client.chat.completions.create(**CHAT[1])
    assert reply.choices[0].message.content == "Hello"


def test_boto3_reads_it(slow: Slow) -> None:
    slow.says(Heartbeat(), after_s=SILENCE_S)
    slow.says(Heartbeat(), after_s=HEARTBEAT_S)
    slow.ends(Started(), TextDelta("Hel"), *REST)
    with closing(boto(slow)) as client:
        reply = client.converse(modelId=MODEL, **CONVERSE[1])
    assert reply["output"]["message"]["content"] == [{"text": "Hello"}]


def test_a_broken_one_is_no_answer_to_the_openai_sdk(slow: Slow) -> None:
    slow.says(Heartbeat(), after_s=SILENCE_S)
    slow.ends(Failed(StreamCut("cut")))
    with sdk(slow) as client, pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(**CHAT[1])


def test_a_broken_one_is_no_answer_to_boto3(slow: Slow) -> None:
    slow.says(Heartbeat(), after_s=SILENCE_S)
    slow.ends(Failed(StreamCut("cut")))
    with closing(boto(slow)) as client, pytest.raises(BotoCoreError):
        client.converse(modelId=MODEL, **CONVERSE[1])

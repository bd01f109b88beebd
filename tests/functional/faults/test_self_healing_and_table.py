"""Parameters that a model refuses unexpectedly, and a state table that is not there."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from bench.processes import running
from tests.functional.faults.conftest import HI, NOVA, SERVE, Double, Host, Stack, environ_over

REFUSAL = "`temperature` is not supported for this model. Only the default value is accepted; remove the parameter."


def refuse(double: Double, message: str = REFUSAL, times: int = 1) -> None:
    double.arm("status", status=400, message=message, times=times)


def test_a_refused_parameter_costs_one_more_call_once_on_openais_wire(host: Host, double: Double) -> None:
    refuse(double)
    first = host.chat(model="us.amazon.nova-micro-v1:0", temperature=0.4, stream=True)
    assert first.body.endswith(b"[DONE]\n\n")
    assert b"temperature left out" in first.body
    assert double.calls() == 2
    second = host.chat(model="us.amazon.nova-micro-v1:0", temperature=0.4, stream=True)
    assert b'"temperature":0.4' not in second.body
    assert double.calls() == 3


def test_a_refused_parameter_costs_one_more_call_once_on_bedrocks_wire(host: Host, double: Double) -> None:
    refuse(double)
    for calls in (2, 3):
        reply = host.converse(model="us.amazon.nova-pro-v1:0", inferenceConfig={"temperature": 0.4})
        assert reply.status == 200
        assert '"temperature":0.4' not in reply.headers["x-slipstream-report"]
        assert double.calls() == calls


def test_a_second_refusal_is_told_and_not_healed_again(host: Host, double: Double) -> None:
    refuse(double)
    refuse(double, REFUSAL.replace("temperature", "top_p"))
    reply = host.chat(model="us.meta.llama3-1-70b-instruct-v1:0", temperature=0.4, top_p=0.5)
    assert (reply.status, "top_p" in reply.message) == (400, True)
    assert double.calls() == 2


def test_a_refusal_that_names_nothing_that_was_sent_is_told_after_one_call(host: Host, double: Double) -> None:
    refuse(double)
    assert host.chat(model="us.amazon.nova-lite-v1:0").status == 400
    assert double.calls() == 1


@pytest.fixture(scope="module")
def tableless(stack: Stack, dead_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A gateway whose state table cannot be reached."""
    environ = environ_over(stack.double_port) | {
        "SLIPSTREAM_STATE_TABLE": "state",
        "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{dead_port}",
    }
    with running(SERVE, environ=environ, folder=tmp_path_factory.mktemp("tableless"), name="tableless") as process:
        yield Host(process)


def test_requests_are_served_without_the_state_table_and_the_metrics_say_so(tableless: Host, double: Double) -> None:
    assert tableless.chat(messages=HI).status == 200
    found = tableless.metrics(lambda line: line.get("operation") == "load")
    assert (found["state_table_errors"], found["outcome"]) == (1, "upstream_unavailable")


def test_a_rule_that_cannot_be_stored_still_holds_in_memory(tableless: Host, double: Double) -> None:
    refuse(double)
    for calls in (2, 3):
        assert tableless.chat(model="us.amazon.nova-micro-v1:0", temperature=0.4).status == 200
        assert double.calls() == calls
    assert tableless.metrics(lambda line: line.get("operation") == "remember")["state_table_errors"] == 1


class HungTable:
    """A table that takes every connection and never answers."""

    def __init__(self) -> None:
        self.asked, self.left_alone = threading.Event(), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._swallow, args=(self._listener.accept()[0],), daemon=True).start()

    def _swallow(self, sock: socket.socket) -> None:
        with sock, suppress(OSError):
            while sock.recv(65536):
                self.asked.set()
        self.left_alone.set()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def table() -> Iterator[HungTable]:
    hung = HungTable()
    yield hung
    hung.close()


@pytest.fixture
def hung(stack: Stack, table: HungTable, tmp_path: Path) -> Iterator[Host]:
    """A gateway that has not served yet; its state table hangs."""
    environ = environ_over(stack.double_port)
    environ |= {"SLIPSTREAM_STATE_TABLE": "state", "AWS_ENDPOINT_URL_DYNAMODB": table.url}
    with running(SERVE, environ=environ, folder=tmp_path, name="hung") as process:
        yield Host(process)


@pytest.mark.parametrize("stream", [True, False])
def test_the_first_answer_is_whole_before_a_table_that_hangs_is_given_up(
    hung: Host, table: HungTable, double: Double, stream: bool
) -> None:
    reply = hung.post(
        "/v1/chat/completions", {"model": NOVA, "messages": HI, "stream": stream}, {"connection": "close"}
    )
    given_up = table.left_alone.is_set()
    assert reply.status == 200
    assert b"[DONE]" in reply.body if stream else b"metres" in reply.body
    assert not given_up
    assert table.asked.wait(10)
    found = hung.metrics(lambda line: line.get("operation") == "load")
    assert (found["state_table_errors"], found["outcome"]) == (1, "upstream_timeout")
    assert table.left_alone.wait(10)


def test_a_request_behind_it_on_the_same_connection_is_served_too(hung: Host, table: HungTable, double: Double) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", hung.port, timeout=60)) as connection:
        for _ in range(2):
            body = json.dumps({"model": NOVA, "messages": HI})
            connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
            response = connection.getresponse()
            assert (response.status, b"metres" in response.read()) == (200, True)


def test_a_rule_that_a_table_which_hangs_does_not_take_holds_in_memory(
    hung: Host, table: HungTable, double: Double
) -> None:
    refuse(double)
    for calls in (2, 3):
        assert hung.chat(model="us.amazon.nova-micro-v1:0", temperature=0.4).status == 200
        assert double.calls() == calls
    found = hung.metrics(lambda line: line.get("operation") == "remember")
    assert (found["state_table_errors"], found["outcome"]) == (1, "upstream_timeout")

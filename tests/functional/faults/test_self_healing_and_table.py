"""Parameters that a model refuses unexpectedly, and a state table that is not there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.processes import running
from tests.functional.faults.conftest import HI, SERVE, Double, Host, Stack, environ_over

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

"""`slipstream precompute run` and `status`: what is sent, and what is shown of a run."""

from __future__ import annotations

import json
from typing import Any

import pytest

import cli.precompute_runs as module
from tests.unit.cli.conftest import Gateway, Shell

RUN: dict[str, Any] = {
    "object": "precompute.run", "id": "01ABC", "started_at": 1_800_000_000.0, "refill": False, "state": "done",
    "items": 4, "planned_usd": 0.04, "spent_usd": 0.03, "answered": 2, "held": 1, "refused": 1, "failed": 0,
    "reasons": {"unsupported": 1}, "left_out": {"few_users": 9},
}  # fmt: skip


def test_a_run_is_started_and_named(online: Shell, gateway: Gateway) -> None:
    gateway.returns(RUN | {"state": "planning", "items": None})

    result = online.run("precompute", "run", "--now")

    assert gateway.asked == [("POST", "/v1/precompute", {"refill": False})]
    assert "precompute status 01ABC" in result.output


def test_a_refill_can_be_waited_for(online: Shell, gateway: Gateway) -> None:
    gateway.returns(RUN | {"refill": True})

    result = online.run("precompute", "run", "--refill", "--wait")

    assert gateway.asked == [("POST", "/v1/precompute", {"refill": True}), ("GET", "/v1/precompute/01ABC", None)]
    assert "01ABC (refill) done: 4 questions; 2 answered, 1 held, 1 refused; $0.0300 of $0.0400" in result.output


def test_a_run_that_failed_ends_the_command_with_1(
    online: Shell, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.0)
    gateway.returns(RUN | {"state": "failed"})

    assert online.run("precompute", "run", "--wait").exit_code == 1


def test_one_run_tells_why_answers_were_not_kept(online: Shell, gateway: Gateway) -> None:
    gateway.returns(RUN)

    output = online.run("precompute", "status", "01ABC").output

    assert "1 not kept: unsupported" in output
    assert "9 left out: few_users (fewer users than precompute_min_users asked" in output


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ({"few_users": 17}, "01ABC done: nothing to answer: 17 few_users"),
        ({"families_without_price": 1, "few_users": 17}, "01ABC done: nothing to answer: 17 few_users"),
        ({}, "01ABC done: nothing to answer"),
    ],
)
def test_a_run_with_nothing_to_do_says_the_main_reason_in_its_line(
    online: Shell, gateway: Gateway, left_out: dict[str, int], said: str
) -> None:
    idle = RUN | dict.fromkeys(("items", "planned_usd", "spent_usd", "answered", "held", "refused"), 0)
    told = idle | {"reasons": {}, "left_out": left_out}
    gateway.returns({"object": "list", "data": [told], "query_log": {"share": 1, "days": 90}})

    assert f"UTC  {said}\n" in online.run("precompute", "status").output


def test_the_last_runs_have_a_line_each_and_the_log_is_below(online: Shell, gateway: Gateway) -> None:
    gateway.returns({"object": "list", "data": [RUN], "query_log": {"share": 0.1, "days": 90}})

    output = online.run("precompute", "status").output

    assert "01ABC" in output
    assert "01-15 08:00" in output
    assert "10 % of the requests are logged, and kept for 90 days" in output
    told = json.loads(online.run("precompute", "status", "--json").stdout)
    assert told["data"] == [RUN]


def test_without_a_log_the_status_says_what_is_missing(online: Shell, gateway: Gateway) -> None:
    gateway.returns({"object": "list", "data": [], "query_log": None})

    output = online.run("precompute", "status").output

    assert "one that has just been started is listed once it has" in output
    assert "query_log_share" in output


def test_what_the_gateway_refuses_is_told(online: Shell, gateway: Gateway) -> None:
    gateway.refuses(403, {"message": "this key lacks the scope 'admin'", "code": "permission_denied"})

    result = online.run("precompute", "run")

    assert (result.exit_code, "scope 'admin'" in result.output) == (1, True)

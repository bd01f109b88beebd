"""Runs over HTTP: who may, what is started, what is told of them, and never a question."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipstream.caching.filling.api import ROOT, PrecomputeApi
from slipstream.caching.filling.runs import Filled, Run
from slipstream.errors import InvalidRequest, MethodNotAllowed, NotFound, PermissionDenied
from slipstream.fakes.fill_runs import MemoryRuns
from slipstream.gateway.http import HttpRequest, Principal
from tests.unit.caching.kept import Clock

ADMIN = Principal("k", scopes=frozenset({"admin"}))


class Machine:
    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.refills: list[bool] = []

    def start(self, run: str, *, refill: bool) -> None:
        self.states[run] = "running"
        self.refills.append(refill)

    def state(self, run: str) -> str | None:
        return self.states.get(run)


class Api:
    def __init__(self) -> None:
        self.runs, self.machine, self.clock = MemoryRuns(), Machine(), Clock()
        self.api = PrecomputeApi(
            runs=self.runs, machine=self.machine, query_log={"share": 0.1, "days": 90}, clock=self.clock
        )

    def call(self, method: str, path: str = ROOT, body: bytes = b"", who: Principal = ADMIN) -> tuple[int, Any]:
        status, told = self.api(HttpRequest(method, path, {}, body, principal=who))
        return status, json.loads(json.dumps(told))


def test_a_run_is_started_under_a_name_by_which_it_is_found() -> None:
    api = Api()

    status, told = api.call("POST")

    assert (status, told["state"], told["items"]) == (202, "planning", None)
    assert list(api.machine.states) == [told["id"]]
    assert api.call("GET", f"{ROOT}/{told['id']}")[1]["state"] == "planning"


def test_a_refill_is_asked_for_in_the_body() -> None:
    api = Api()
    api.call("POST", body=b'{"refill": true}')
    api.call("POST", body=b"{}")

    assert api.machine.refills == [True, False]


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"refil": true}', b'{"refill": "yes"}'])
def test_another_body_is_refused(body: bytes) -> None:
    api = Api()

    with pytest.raises(InvalidRequest, match="refill"):
        api.call("POST", body=body)
    assert api.machine.states == {}


def test_a_run_tells_counts_reasons_and_dollars() -> None:
    api = Api()
    api.runs.put(
        Run(run="r1", started_s=1.0, items=4, cost_usd=0.04, plan="p", skipped={"few_users": 9}, budget_usd=1.0)
    )
    api.machine.states["r1"] = "running"
    for filled in (
        Filled(key="a", outcome="answered", cost_usd=0.01),
        Filled(key="b", outcome="refused", reason="unsupported", cost_usd=0.02),
        Filled(key="c", outcome="failed", reason="upstream_timeout"),
    ):
        api.runs.fill("r1", filled)

    told = api.call("GET", f"{ROOT}/r1")[1]

    assert told == {
        "object": "precompute.run", "id": "r1", "started_at": 1.0, "refill": False, "state": "filling", "items": 4,
        "planned_usd": 0.04, "spent_usd": 0.03, "answered": 1, "held": 0, "refused": 1, "failed": 1,
        "reasons": {"unsupported": 1, "upstream_timeout": 1}, "left_out": {"few_users": 9},
    }  # fmt: skip
    api.runs.fill("r1", Filled(key="d", outcome="held"))
    assert api.call("GET", f"{ROOT}/r1")[1]["state"] == "done"


@pytest.mark.parametrize(("state", "shown"), [("failed", "failed"), ("succeeded", "done"), (None, "filling")])
def test_a_run_that_left_items_is_what_its_machine_says(state: str | None, shown: str) -> None:
    api = Api()
    api.runs.put(Run(run="r1", started_s=1.0, items=4))
    if state is not None:
        api.machine.states["r1"] = state

    assert api.call("GET", f"{ROOT}/r1")[1]["state"] == shown


def test_the_last_runs_are_listed_newest_first_with_the_log_that_they_come_from() -> None:
    api = Api()
    for number in range(12):
        api.runs.put(Run(run=f"r{number}", started_s=float(number), items=0))

    told = api.call("GET")[1]

    assert [one["id"] for one in told["data"]] == [f"r{number}" for number in range(11, 1, -1)]
    assert told["query_log"] == {"share": 0.1, "days": 90}


@pytest.mark.parametrize(("method", "path"), [("POST", ROOT), ("GET", ROOT), ("GET", f"{ROOT}/r1")])
def test_only_an_admin_may(method: str, path: str) -> None:
    with pytest.raises(PermissionDenied, match="admin"):
        Api().call(method, path, who=Principal("k"))


@pytest.mark.parametrize(
    ("method", "path", "refusal"),
    [
        ("DELETE", ROOT, MethodNotAllowed),
        ("POST", f"{ROOT}/r1", MethodNotAllowed),
        ("GET", f"{ROOT}/r1", NotFound),
        ("GET", f"{ROOT}/r1/items", NotFound),
    ],
)
def test_what_is_not_there_is_told(method: str, path: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        Api().call(method, path)

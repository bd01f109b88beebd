"""What every store of runs and of their plans does: the doubles, and DynamoDB with S3."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from slipstream.aws.fill_runs import BucketPlans, DynamoRuns
from slipstream.caching.filling.runs import Filled, Item, PlanFiles, Run, RunStore, items_of, lines_of
from slipstream.fakes.fill_runs import MOST_RUNS, MemoryPlans, MemoryRuns
from tests.contract.caching.moto_server import BUCKET

NOW_S = 1_800_000_000.0
ITEM = Item(namespace="tenant:acme", family="f", key="k1", question="Tab\tand\nline?", expected_hits=2.5, cost_usd=0.01)


class Stores(NamedTuple):
    runs: RunStore
    plans: PlanFiles


@pytest.fixture(params=["memory", "aws"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return Stores(MemoryRuns(), MemoryPlans())
    services: Any = request.getfixturevalue("services")
    return Stores(DynamoRuns(services.table, clock=lambda: NOW_S), BucketPlans(BUCKET, services.objects))


def test_a_run_comes_back_as_it_was_put_and_a_later_one_takes_its_place(stores: Stores) -> None:
    begun = Run(run="r1", started_s=NOW_S + 0.25, refill=True)
    planned = Run(
        run="r1", started_s=NOW_S + 0.25, items=3, cost_usd=0.0375, budget_usd=1.0, plan="precompute/r1/items.jsonl",
        skipped={"few_users": 7},
    )  # fmt: skip
    for run in (begun, planned):
        stores.runs.put(run)
        assert stores.runs.get("r1") == run
    assert stores.runs.get("r2") is None


def test_runs_are_told_newest_first_whatever_they_are_called(stores: Stores) -> None:
    for name, at in (("zz", 1), ("aa", 2), ("mm", 3)):
        stores.runs.put(Run(run=name, started_s=NOW_S + at))

    assert [one.run for one in stores.runs.newest()] == ["mm", "aa", "zz"]


def test_what_became_of_an_item_is_known_once(stores: Stores) -> None:
    for filled in (
        Filled(key="k1", outcome="failed", reason="upstream_timeout"),
        Filled(key="k1", outcome="answered", cost_usd=0.001),
        Filled(key="k2", outcome="refused", reason="unsupported", cost_usd=0.002),
    ):
        stores.runs.fill("r1", filled)

    found = {one.key: one for one in stores.runs.filled("r1")}

    assert (found["k1"].outcome, found["k1"].cost_usd) == ("answered", 0.001)
    assert found["k2"].reason == "unsupported"
    assert list(stores.runs.filled("r2")) == []


def test_a_plan_has_a_line_an_item_and_is_read_as_it_was_written(stores: Stores) -> None:
    lines = lines_of([ITEM, ITEM])
    stores.plans.put("precompute/r1/items.jsonl", lines)

    assert lines.count(b"\n") == 2
    assert items_of(stores.plans.get("precompute/r1/items.jsonl") or b"") == [ITEM, ITEM]
    assert stores.plans.get("precompute/r2/items.jsonl") is None


def test_a_process_forgets_its_oldest_runs() -> None:
    runs = MemoryRuns()
    for number in range(MOST_RUNS + 1):
        runs.put(Run(run=f"r{number}", started_s=NOW_S + number))
        runs.fill(f"r{number}", Filled(key="k", outcome="held"))

    assert (runs.get("r0"), list(runs.filled("r0"))) == (None, [])
    assert len(runs.newest()) == MOST_RUNS

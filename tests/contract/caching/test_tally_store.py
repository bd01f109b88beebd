"""What every store of counts does: the double, and DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest

from slipstream.aws.tally_store import KEPT_S, DynamoTallyStore
from slipstream.caching.tally import TallyStore, Used
from slipstream.fakes.tally_store import MemoryTallyStore
from tests.contract.caching.conftest import Services
from tests.contract.caching.moto_server import TABLE

ACME, DAY, KEY, FAMILY = "tenant:acme", "2026-11-26", "a" * 64, "f" * 64
NOW_S = 1_800_000_000.0


@pytest.fixture
def dynamo_tally(services: Services) -> DynamoTallyStore:
    return DynamoTallyStore(services.table, clock=lambda: NOW_S)


@pytest.fixture(params=["memory", "dynamodb"])
def tally(request: pytest.FixtureRequest) -> TallyStore:
    if request.param == "memory":
        return MemoryTallyStore()
    found: TallyStore = request.getfixturevalue("dynamo_tally")
    return found


def test_counts_add_up_by_day_and_by_answer_and_the_days_own_come_first(tally: TallyStore) -> None:
    for _ in range(3):
        tally.add(ACME, DAY, Used(KEY, FAMILY, {"hits": 1.0, "saved_usd": 0.0000125}))
        tally.add(ACME, DAY, Used("", "", {"requests": 2.0, "saved_ms": 12.5}))
    tally.add(ACME, DAY, Used("b" * 64, "", {"hits": 1.0}))
    tally.add(ACME, "2026-11-27", Used("", "", {"requests": 9.0}))
    tally.add("tenant:other", DAY, Used("", "", {"requests": 9.0}))

    day, answer, other = tally.of_day(ACME, DAY, limit=9)
    assert day == Used("", "", {"requests": 6.0, "saved_ms": 37.5})
    assert (answer.key, answer.family, answer.counts["hits"]) == (KEY, FAMILY, 3)
    assert answer.counts["saved_usd"] == pytest.approx(0.0000375)
    assert other == Used("b" * 64, "", {"hits": 1})
    assert [one.key for one in tally.of_day(ACME, DAY, limit=2)] == ["", KEY]
    assert tally.of_day(ACME, "2020-01-01", limit=9) == []


def test_many_at_once_lose_no_count(tally: TallyStore) -> None:
    def work() -> None:
        for _ in range(10):
            tally.add(ACME, DAY, Used("", "", {"requests": 1.0}))

    threads = [Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert tally.of_day(ACME, DAY, limit=1)[0].counts == {"requests": 60}


def test_counts_go_when_their_time_is_over(dynamo_tally: DynamoTallyStore, boto: Callable[[str], Any]) -> None:
    dynamo_tally.add(ACME, DAY, Used(KEY, FAMILY, {"hits": 1.0}))

    (item,) = boto("dynamodb").scan(TableName=TABLE)["Items"]
    assert float(item["ttl_s"]["N"]) == NOW_S + KEPT_S

"""Counting what kept answers were worth: what is counted, and how seldom it is written."""

from __future__ import annotations

from typing import Any

import pytest

from slipstream.caching.day import day_of
from slipstream.caching.tally import MOST_PENDING, PAUSE_S, Counted, Tally, Used
from slipstream.errors import UpstreamUnavailable
from slipstream.fakes.tally_store import MemoryTallyStore
from tests.unit.caching.kept import Clock

ACME, KEY = "tenant:acme", "a" * 64


class CountingStore(MemoryTallyStore):
    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.down = False

    def add(self, namespace: str, day: str, used: Used) -> None:
        self.writes += 1
        if self.down:
            raise UpstreamUnavailable("the table is down")
        super().add(namespace, day, used)


def tally() -> tuple[Tally, CountingStore, Clock]:
    store, clock = CountingStore(), Clock()
    return Tally(store, clock=clock), store, clock


def counted(**more: Any) -> Counted:
    return Counted(**({"namespace": ACME, "outcome": "miss"} | more))


def day(store: CountingStore, clock: Clock) -> dict[str, float]:
    return dict(store.of_day(ACME, day_of(clock()), limit=1)[0].counts)


HIT = counted(outcome="hit", kind="exact", key=KEY, saved_usd=0.25, saved_ms=900.0)


def test_a_hit_is_counted_for_the_day_and_for_its_answer() -> None:
    counting, store, clock = tally()
    for _ in range(2):
        counting.count(HIT)
        clock.sleep(PAUSE_S)
        counting.count(counted())
        clock.sleep(PAUSE_S)
    found = {one.key: one.counts for one in store.of_day(ACME, day_of(clock()), limit=9)}

    assert found[KEY] == {"hits": 2, "exact": 2, "saved_usd": 0.5, "saved_ms": 1800.0}
    assert found[""]["exact"] >= 1
    assert found[""]["saved_usd"] == 0.25 * found[""]["exact"]


@pytest.mark.parametrize(
    ("check", "would_serve", "names"),
    [
        ("same", True, {"checked_same", "checked_served_same"}),
        ("different", True, {"checked_different", "checked_served_different"}),
        ("different", False, {"checked_different"}),
        ("undecided", True, {"checked_undecided", "checked_served_undecided"}),
    ],
)
def test_a_check_is_counted_by_what_came_of_it(check: Any, would_serve: bool, names: set[str]) -> None:
    counting, store, clock = tally()
    counting.count(counted(check=check, would_serve=would_serve))

    assert {name for name in day(store, clock) if name.startswith("checked")} == names


def test_a_thousand_requests_a_second_are_one_write_and_none_is_lost() -> None:
    counting, store, clock = tally()
    counting.count(counted())
    for _ in range(999):
        clock.sleep(PAUSE_S / 2000)
        counting.count(counted())
    assert store.writes == 1
    clock.sleep(PAUSE_S)
    counting.count(counted())

    assert store.writes == 2
    assert day(store, clock) == {"requests": 1001, "miss": 1001}


def test_a_request_is_never_more_than_one_write() -> None:
    counting, store, clock = tally()
    for number in range(100):
        clock.sleep(10 * PAUSE_S)
        before = store.writes
        counting.count(counted(outcome="hit", kind="exact", key=f"{number:064x}"))
        assert store.writes == before + 1


def test_a_table_that_is_down_fails_nobody_and_what_waited_is_written_later() -> None:
    counting, store, clock = tally()
    store.down = True
    for _ in range(5):
        counting.count(counted())
        clock.sleep(PAUSE_S)
    store.down = False
    counting.count(counted())

    assert day(store, clock) == {"requests": 6, "miss": 6}


def test_what_waits_is_bounded() -> None:
    counting, store, _ = tally()
    store.down = True
    for number in range(2 * MOST_PENDING):
        counting.count(counted(outcome="hit", kind="exact", key=f"{number:064x}"))

    assert len(counting._answers) == MOST_PENDING


def test_reports_are_counted() -> None:
    counting, store, clock = tally()
    counting.reported(ACME, KEY, "", correct=False)
    clock.sleep(PAUSE_S)
    counting.reported(ACME, KEY, "", correct=True)
    clock.sleep(PAUSE_S)
    counting.count(counted())
    found = {one.key: one.counts for one in store.of_day(ACME, day_of(clock()), limit=9)}

    assert found[KEY] == {"reported_wrong": 1, "reported_right": 1}
    assert found[""]["reported_wrong"] == 1


def test_on_a_busy_host_the_answers_that_are_used_most_are_the_ones_that_are_written() -> None:
    counting, store, clock = tally()
    rare = [f"{number:064x}" for number in range(3 * MOST_PENDING)]
    for key in rare:
        counting.count(counted(outcome="hit", kind="exact", key=KEY))
        counting.count(counted(outcome="hit", kind="exact", key=key))
    for _ in range(4):
        clock.sleep(PAUSE_S)
        counting.count(counted())
    found = {one.key: one.counts for one in store.of_day(ACME, day_of(clock()), limit=9999)}

    assert found[KEY]["hits"] == len(rare)


def test_a_report_of_a_wrong_answer_is_written_before_any_number_of_hits() -> None:
    counting, store, clock = tally()
    for _ in range(50):
        counting.count(HIT)
    counting.reported(ACME, "b" * 64, "", correct=False)
    for _ in range(2):
        clock.sleep(PAUSE_S)
        counting.count(counted())
    assert "b" * 64 in {one.key for one in store.of_day(ACME, day_of(clock()), limit=9)}

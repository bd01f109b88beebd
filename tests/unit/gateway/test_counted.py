"""What an answer leaves for the counts: each outcome, and what a hit saved."""

from __future__ import annotations

from slipstream.caching.day import day_of
from slipstream.caching.tally import PAUSE_S, Tally
from slipstream.chat.request import Parameters
from slipstream.fakes.tally_store import MemoryTallyStore
from tests.unit.caching.kept import Caching, Clock, wanting


def counting() -> tuple[Caching, MemoryTallyStore, Clock]:
    store, clock = MemoryTallyStore(), Clock()
    return Caching(clock=clock, tally=Tally(store, clock=clock)), store, clock


def test_a_miss_and_its_hits_are_counted_with_what_they_saved() -> None:
    caching, store, clock = counting()
    caching.ask()
    for _ in range(4):
        clock.sleep(PAUSE_S)
        _, report = caching.ask()
    day, answer = store.of_day("tenant:default", day_of(clock()), limit=9)

    assert day.counts["miss"] == 1
    assert answer.counts["hits"] >= 1
    assert answer.key.startswith(report["cache"]["key"])
    assert answer.counts["saved_usd"] == report["saved_usd"] * answer.counts["hits"] > 0


def test_what_is_not_for_the_cache_is_not_counted() -> None:
    caching, store, clock = counting()
    caching.ask(options=wanting("off"))
    caching.ask(parameters=Parameters())

    assert store.of_day("tenant:default", day_of(clock()), limit=9) == []

"""What one environment knows of a namespace's learning: when it reads and writes, and what it checks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from threading import Thread
from typing import Any

import pytest

from slipstream.caching.semantic.calibration import Cut
from slipstream.caching.semantic.environment import (
    LOOKS,
    LOOKS_S,
    MOST_CHARS,
    MOST_NAMESPACES,
    REFRESH_S,
    EnvironmentLearning,
)
from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.policy import Label, Sampling, Seen
from slipstream.caching.semantic.ports import Learning, Progress
from slipstream.caching.semantic.reading import read
from slipstream.caching.semantic.verifier import Calibration
from slipstream.errors import UpstreamUnavailable
from slipstream.fakes.learning_store import MemoryLearningStore
from tests.unit.caching.kept import Clock

ACME, FAMILY = "tenant:acme", "f" * 64
SAME = Pair(read("How do I replace the lamp?"), read("how can I replace the lamp"), 0.97)
CUT = Cut(1.0, 0.015, 100, 0, 0.005, 0.5)


class CountingStore(MemoryLearningStore):
    """Counts its calls, and fails while it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.down = False

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name in ("tell", "looked", "progress", "calibration"):
            self.calls.append(name)
            if self.down:
                raise UpstreamUnavailable("the table is down")
        return found


def environment(store: MemoryLearningStore, clock: Clock | None = None, **more: Any) -> EnvironmentLearning:
    return EnvironmentLearning(
        store, epsilon=0.01, clock=clock or Clock(), **({"chance": random.Random(1)} | more)
    )  # fmt: skip


def label(number: int, *, equal: bool = True) -> Label:
    return Label(Seen(f"one {number}", f"other {number}", 0.9), equal)


def taught(store: MemoryLearningStore, drawn: int) -> None:
    for number in range(drawn):
        store.tell(ACME, FAMILY, label(number))


def test_it_is_what_a_request_needs() -> None:
    learning: Learning = environment(MemoryLearningStore())

    assert learning.verifier(ACME).decide(SAME).serve, "as shipped: the same words"


def test_nothing_is_called_before_the_last_byte() -> None:
    store = CountingStore()
    learning = environment(store)

    learning.verifier(ACME).decide(SAME)
    learning.wants_check(ACME)
    learning.looked(ACME, FAMILY, SAME)
    learning.tell(ACME, FAMILY, SAME, equal=True, drawn=True)
    assert store.calls == []

    learning.settle(ACME)
    assert store.labels(ACME, limit=9) == [(FAMILY, Label(Seen(SAME.asked.text, SAME.candidate.text, 0.97), True))]
    assert store.recent(ACME, limit=9) == [(FAMILY, Seen(SAME.asked.text, SAME.candidate.text, 0.97))]


def test_a_newer_calibration_is_read_after_a_while_and_only_if_it_is_another() -> None:
    store, clock = CountingStore(), Clock()
    learning = environment(store, clock)
    store.keep(ACME, Calibration(learnt=True), Progress())
    learning.settle(ACME)
    assert learning.verifier(ACME).calibration.learnt

    store.calls.clear()
    learning.settle(ACME)
    assert store.calls == []
    clock.sleep(REFRESH_S)
    learning.settle(ACME)
    assert store.calls == ["progress"]
    store.keep(ACME, Calibration(learnt=True, cut=CUT), Progress())
    clock.sleep(REFRESH_S)
    learning.settle(ACME)
    assert learning.verifier(ACME).calibration.cut == CUT


def test_one_namespace_knows_nothing_of_another() -> None:
    store = MemoryLearningStore()
    store.keep(ACME, Calibration(learnt=True), Progress())
    learning = environment(store)

    for namespace in (ACME, "tenant:other"):
        learning.settle(namespace)

    assert not learning.verifier("tenant:other").calibration.learnt


def test_what_was_learnt_for_a_larger_share_of_wrong_answers_serves_nothing() -> None:
    store = MemoryLearningStore()
    store.keep(ACME, Calibration(epsilon=0.05, learnt=True, cut=CUT), Progress())
    learning = environment(store)
    learning.settle(ACME)

    assert learning.verifier(ACME).calibration.cut is None


@pytest.mark.parametrize(("drawn", "low", "high"), [(0, 430, 570), (299, 430, 570), (300, 1, 40)])
def test_the_share_of_checks_falls_once_the_first_labels_are_there(drawn: int, low: int, high: int) -> None:
    store = MemoryLearningStore()
    taught(store, drawn)
    learning = environment(store)
    learning.settle(ACME)

    assert low <= sum(learning.wants_check(ACME) for _ in range(1000)) <= high


def test_labels_that_were_told_here_count_before_they_are_read_back() -> None:
    learning = environment(MemoryLearningStore(), sampling=Sampling(first=3, eager=1.0, steady=0.0))

    for _ in range(3):
        assert learning.wants_check(ACME)
        learning.tell(ACME, FAMILY, SAME, equal=True, drawn=True)
    assert not learning.wants_check(ACME)
    learning.settle(ACME)
    assert not learning.wants_check(ACME)


def test_a_table_that_is_down_fails_nobody_and_loses_no_label() -> None:
    store, clock = CountingStore(), Clock()
    learning = environment(store, clock)
    store.down = True
    for equal in (True, False):
        learning.tell(ACME, FAMILY, SAME, equal=equal, drawn=True)
        learning.settle(ACME)
    store.down = False
    learning.settle(ACME)

    assert [found.equal for _, found in store.labels(ACME, limit=9)] == [True, False]


def test_a_table_that_cannot_be_read_is_not_asked_with_each_request() -> None:
    store, clock = CountingStore(), Clock()
    learning = environment(store, clock)
    store.down = True
    for _ in range(5):
        learning.settle(ACME)

    assert store.calls == ["progress"]


def test_a_pair_that_was_found_wrong_is_not_served_again_whatever_is_read_later() -> None:
    store, clock = MemoryLearningStore(), Clock()
    learning = environment(store, clock)
    learning.tell(ACME, FAMILY, SAME, equal=False, drawn=False)
    assert learning.verifier(ACME).decide(SAME).reason == "known to differ"

    store.keep(ACME, Calibration(), Progress())
    learning.settle(ACME)
    assert learning.verifier(ACME).decide(SAME).reason == "known to differ"
    assert learning.verifier("tenant:other").decide(SAME).serve


def test_looks_are_all_kept_at_first_and_later_a_sample_of_them_in_few_writes() -> None:
    store, clock = CountingStore(), Clock()
    learning = environment(store, clock)
    for _ in range(20):
        learning.looked(ACME, FAMILY, SAME)
        learning.settle(ACME)
    assert len(store.recent(ACME, limit=999)) == 20

    taught(store, 300)
    clock.sleep(REFRESH_S)
    learning.settle(ACME)
    store.calls.clear()
    for _ in range(400):
        learning.looked(ACME, FAMILY, SAME)
        learning.settle(ACME)
    kept = len(store.recent(ACME, limit=999)) - 20
    assert 60 <= kept <= 140
    assert store.calls.count("looked") <= kept / LOOKS + 1
    clock.sleep(LOOKS_S)
    learning.settle(ACME)
    assert not learning._all[ACME].looked, "none waits for ever"


def test_a_question_too_long_for_an_item_is_not_written() -> None:
    store = MemoryLearningStore()
    learning = environment(store)
    long = Pair(read("x " * MOST_CHARS), SAME.candidate, 0.9)
    learning.looked(ACME, FAMILY, long)
    learning.tell(ACME, FAMILY, long, equal=True, drawn=True)
    learning.settle(ACME)

    assert (store.labels(ACME, limit=9), store.recent(ACME, limit=9)) == ([], [])


def test_tenants_without_end_take_no_memory_without_end() -> None:
    learning = environment(MemoryLearningStore())
    for number in range(2 * MOST_NAMESPACES):
        learning.verifier(f"tenant:{number}")

    assert len(learning._all) == MOST_NAMESPACES


def test_many_threads_lose_no_label() -> None:
    store = MemoryLearningStore()
    written: list[int] = []
    learning = environment(store, told=lambda: written.append(1))

    def work(names: Sequence[int]) -> None:
        for number in names:
            pair = Pair(read(f"one {number}"), read(f"other {number}"), 0.9)
            learning.looked(ACME, FAMILY, pair)
            learning.tell(ACME, FAMILY, pair, equal=True, drawn=True)
            learning.settle(ACME)

    threads = [Thread(target=work, args=(range(at, at + 50),)) for at in range(0, 400, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(one.pair.asked for _, one in store.labels(ACME, limit=999)) == sorted(f"one {n}" for n in range(400))
    assert written

"""A document that arrives ends the answers that it would now be found for, and those alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from slipstream.caching import watching
from slipstream.caching.marking import MarkingIndex
from slipstream.caching.store import SKEW_S, Watch
from slipstream.chat.events import Started, Stopped, TextDelta, Usage
from slipstream.chat.request import Options, Parameters
from slipstream.chat.retrieval_options import RetrievalOptions
from slipstream.errors import UpstreamUnavailable
from slipstream.fakes.answer_store import MemoryAnswerStore
from slipstream.retrieval.retrieve import Retriever
from tests.unit.caching.kept import Caching, outcome
from tests.unit.retrieval.loading import Desk, resolve

TOPICS = ("retries", "queues", "tables", "buckets", "alarms", "keys", "zones")
PAGES = {f"{topic}.md": f"Lambda and {topic}: how often Lambda {topic} come, one page." for topic in TOPICS}
QUESTION = "How often does Lambda retry an asynchronous event that fails?"
ANSWERING = "How often does Lambda retry an asynchronous event that fails? One page: how often Lambda retries come."
ELSEWHERE = "Herons stand in shallow water and wait for small fish until dusk."
SAID = (
    Started(),
    TextDelta("It says how often Lambda come, one page [1]."),
    Stopped("end_turn"),
    Usage(9, 9),
)


class Loaded(Caching):
    """A cache over an index of real passages, and the loads that go through it."""

    def __init__(self, *, store: Any = None, pages: Mapping[str, str] = PAGES) -> None:
        self.desk = Desk()
        finds = Retriever(index=self.desk.index, embedder=self.desk.embedder, target=resolve)
        super().__init__([SAID] * 9, finds=finds, store=store)
        self.counted: list[dict[str, float]] = []
        self.marking = self.environment()
        self.load(pages)

    def environment(self) -> MarkingIndex:
        """One more that documents come through."""
        return MarkingIndex(
            self.desk.index, self.store, clock=self.clock, record=lambda counts, _: self.counted.append(counts)
        )

    def load(self, pages: Mapping[str, str], through: MarkingIndex | None = None) -> None:
        engine, self.desk.index = self.desk.index, through or self.marking  # type: ignore[assignment]
        try:
            report = self.desk.load(pages)
        finally:
            self.desk.index = engine
        assert report.failed == []
        self.clock.now_s += 120

    def question(self, text: str = QUESTION, **fields: Any) -> str | None:
        return outcome(self.ask(text, model="rag:docs@fast", parameters=Parameters(), **fields)[1])

    def begin_question(self) -> Any:
        return self.begin(QUESTION, model="rag:docs@fast", parameters=Parameters())


def finish(answer: Any) -> None:
    list(answer.events)
    answer.settle()


def test_a_document_that_would_now_be_found_ends_the_answer() -> None:
    bench = Loaded()
    before = [bench.question(), bench.question()]
    bench.load({"new.md": ANSWERING})
    assert [*before, bench.question(), bench.question()] == ["miss", "hit", "miss", "hit"]
    assert bench.counted == [{"answers_ended_by_arrivals": 1.0}]


def test_one_that_would_not_be_found_ends_nothing() -> None:
    bench = Loaded()
    bench.question()
    bench.load({"herons.md": ELSEWHERE})
    assert bench.question() == "hit"


def test_one_that_changes_so_that_it_would_be_found_ends_the_answer() -> None:
    bench = Loaded()
    bench.load({"herons.md": ELSEWHERE})
    bench.question()
    bench.load({"herons.md": ANSWERING})
    assert bench.question() == "miss"


def test_of_several_answers_that_one_ends_which_it_would_be_found_for() -> None:
    bench = Loaded()
    other = "Where do herons stand and wait for fish until dusk?"
    for question in (QUESTION, other):
        bench.question(question)
    bench.load({"new.md": ANSWERING})
    assert [bench.question(), bench.question(other)] == ["miss", "hit"]


def test_where_fewer_passages_were_found_than_wanted_every_new_document_ends_the_answer() -> None:
    bench = Loaded(pages={"retries.md": PAGES["retries.md"]})
    bench.question()
    bench.load({"herons.md": ELSEWHERE})
    assert bench.question() == "miss"


@pytest.mark.parametrize(
    "wishes", [RetrievalOptions(recency_half_life_days=1), RetrievalOptions(popularity_weight=1.0)],
    ids=["age", "popularity"],
)  # fmt: skip
def test_where_the_owners_wishes_have_a_say_less_is_enough(wishes: RetrievalOptions) -> None:
    bench = Loaded()
    near = {"near.md": "Lambda reads an event from the queue of a stream, batch by batch."}
    bench.question()
    bench.question(options=Options(retrieval=wishes))
    bench.load(near)
    assert [bench.question(), bench.question(options=Options(retrieval=wishes))] == ["hit", "miss"]


def test_an_environment_that_has_looked_before_sees_the_answers_that_were_kept_since() -> None:
    bench = Loaded()
    bench.load({"herons.md": ELSEWHERE})
    bench.question()
    bench.load({"new.md": ANSWERING})
    assert bench.question() == "miss"


def test_one_that_was_kept_by_a_clock_that_is_a_little_behind_is_seen_too() -> None:
    bench = Loaded()
    looked_s = bench.clock.now_s
    bench.load({"herons.md": ELSEWHERE})
    bench.clock.now_s = looked_s - SKEW_S / 2
    bench.question()
    bench.clock.now_s = looked_s + SKEW_S
    bench.load({"new.md": ANSWERING})
    assert bench.question() == "miss"


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "another environment"])
def test_an_answer_ends_once_whoever_brings_the_next_document(elsewhere: bool) -> None:
    bench = Loaded()
    bench.question()
    bench.load({"new.md": ANSWERING})
    bench.load({"newer.md": ANSWERING}, through=bench.environment() if elsewhere else None)
    assert bench.counted == [{"answers_ended_by_arrivals": 1.0}]


def test_an_answer_that_was_begun_before_the_document_came_and_ends_after_it_is_not_kept() -> None:
    bench = Loaded()
    answer = bench.begin_question()
    bench.load({"new.md": ANSWERING})
    finish(answer)
    assert answer.report()["cache"]["kept"] is False
    assert bench.question() == "miss"


def test_nor_where_the_document_came_by_a_clock_that_is_a_little_behind() -> None:
    bench = Loaded()
    answer = bench.begin_question()
    bench.clock.now_s -= SKEW_S / 2
    bench.load({"new.md": ANSWERING})
    finish(answer)
    assert answer.report()["cache"]["kept"] is False
    assert bench.question() == "miss"


class Interrupted(MemoryAnswerStore):
    """Lets something happen once, right before or after one of its steps."""

    def __init__(self, step: str, *, before: bool) -> None:
        super().__init__()
        self._step, self._before = step, before
        self.happens: Callable[[], None] | None = None

    def _with(self, step: str, work: Callable[..., Any], *args: Any) -> Any:
        def interrupt() -> None:
            happens, self.happens = self.happens, None
            if happens is not None:
                happens()

        if step == self._step and self._before:
            interrupt()
        done = work(*args)
        if step == self._step and not self._before:
            interrupt()
        return done

    def write(self, *args: Any) -> bool:
        return bool(self._with("write", super().write, *args))

    def watch(self, *args: Any) -> None:
        self._with("watch", super().watch, *args)


@pytest.mark.parametrize(("step", "before"), [("write", True), ("write", False), ("watch", True), ("watch", False)])
def test_at_whatever_moment_of_its_keeping_the_document_comes_the_answer_does_not_stay(step: str, before: bool) -> None:
    store = Interrupted(step, before=before)
    bench = Loaded(store=store)
    answer = bench.begin_question()
    store.happens = lambda: bench.load({"new.md": ANSWERING})
    finish(answer)
    assert store.happens is None
    assert bench.question() == "miss"


def test_one_that_would_find_the_same_passages_is_kept_although_a_document_came_meanwhile() -> None:
    bench = Loaded()
    answer = bench.begin_question()
    bench.load({"herons.md": ELSEWHERE})
    finish(answer)
    assert bench.question() == "hit"


def test_what_a_re_index_copies_ends_nothing() -> None:
    bench = Loaded()
    bench.question()
    documents = bench.desk.index.read("docs", list(PAGES))
    bench.marking.write("docs", documents, generation="docs-000001", if_absent=True)
    assert bench.question() == "hit"


class Broken(MemoryAnswerStore):
    """Tells nobody what is kept; takes no mark on ``unmarked``."""

    unmarked: tuple[str, ...] = ()
    told = False

    def watches(self, *_: Any, **__: Any) -> list[Watch]:
        if self.told:
            return []
        raise UpstreamUnavailable("down")

    def mark(self, index: str, marks: Any, **more: Any) -> None:
        if index in self.unmarked:
            raise UpstreamUnavailable("down")
        super().mark(index, marks, **more)

    def watch(self, watch: Watch) -> None:
        if "watch" in self.unmarked:
            raise UpstreamUnavailable("down")


def test_where_the_answers_cannot_be_read_all_over_the_index_end_and_the_document_is_written() -> None:
    bench = Loaded(store=Broken())
    bench.question()
    bench.load({"herons.md": ELSEWHERE})
    assert "herons.md" in bench.desk.index.versions("docs")
    assert bench.question() == "miss"
    assert {"arrivals_ended_all": 1.0} in bench.counted


def test_where_an_arrival_cannot_even_be_marked_it_is_counted() -> None:
    store = Broken()
    bench = Loaded(store=store)
    store.unmarked = ("docs+",)
    bench.load({"herons.md": ELSEWHERE})
    assert bench.counted[-1] == {"arrivals_ended_all": 1.0}

    def down(_: str) -> None:
        store.unmarked = ("docs", "docs+")

    store.unmarked = ()
    bench.desk.index.refresh = down  # type: ignore[method-assign]
    bench.load({"more.md": ELSEWHERE})
    assert bench.counted[-1] == {"arrivals_unchecked": 1.0}


def test_an_answer_that_nobody_could_end_is_not_kept() -> None:
    store = Broken()
    store.told, store.unmarked = True, ("watch",)
    bench = Loaded(store=store)
    bench.question()
    assert bench.question() == "miss"


def test_of_more_answers_than_are_compared_the_oldest_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_WATCHES", 3)
    bench = Loaded()
    questions = [f"What about {topic} of Lambda?" for topic in TOPICS[:4]]
    for question in questions:
        bench.question(question)
        bench.clock.now_s += 60
    bench.load({"herons.md": ELSEWHERE})
    assert [bench.question(question) for question in questions] == ["miss", "miss", "hit", "hit"]


def test_what_has_expired_is_not_compared_any_more() -> None:
    bench = Loaded()
    bench.question()
    bench.clock.now_s += bench.cache.policy.ttl_s
    bench.load({"new.md": ANSWERING})
    assert bench.counted == []

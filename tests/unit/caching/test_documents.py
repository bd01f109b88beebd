"""Answers over an index: a change of a document ends exactly those that rest on it, before the index shows it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from threading import Event, Thread
from typing import Any

import msgspec
import pytest

from slipstream.caching.marking import MarkingIndex
from slipstream.caching.store import Mark
from slipstream.chat import events as chat
from slipstream.chat.events import Started, Stopped, TextDelta, Usage
from slipstream.chat.request import Message, Options, Parameters, Text
from slipstream.chat.retrieval_options import Filter, RetrievalOptions
from slipstream.disconnect import Disconnect
from slipstream.errors import IndexNotFound, UpstreamUnavailable
from slipstream.fakes.answer_store import MemoryAnswerStore
from slipstream.fakes.passage_index import MemoryIndex
from slipstream.models.resolved import ResolvedCall
from slipstream.retrieval.document import Document
from slipstream.retrieval.ports import Generation, IndexSpec, Kept
from slipstream.retrieval.question.prepare import prepare
from slipstream.retrieval.question.rewrite import Rewritten
from slipstream.retrieval.ranking import Found, Ranked
from slipstream.retrieval.search import Hit
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.caching.kept import Caching, outcome

CITED = (Started(), TextDelta("Lambda retries an event twice by default [1]."), Stopped("end_turn"), Usage(100, 20))
UNCITED = (Started(), TextDelta("I do not know of anything like that at all."), Stopped("end_turn"), Usage(100, 20))
TEXT = "Lambda retries an event twice by default."
WAIT_S = 60.0
READS, READERS, CHANGES = 10_000, 8, 200


def hit(name: str, version: str, text: str = TEXT) -> Hit:
    return Hit(
        document_id=name, version=version, ordinal=0, title=name, heading=(), text=text, start=0, end=len(text),
        score=1.0,
    )  # fmt: skip


class Documents:
    """Finds every document, in the version that stands here; counts its searches."""

    def __init__(self, **versions: str) -> None:
        self.versions = versions or {"a": "v1", "b": "v1"}
        self.generation = Generation("docs-000001", IndexSpec(), None, True)
        self.searches = 0
        self.rewriter = ""
        self.rewritten: Rewritten | None = None
        self.missing: tuple[str, ...] = ()
        self.before_search: Callable[[], None] = lambda: None
        self.seen: Callable[[Disconnect], None] = lambda _: None

    def describe(self, index: str, waterfall: Waterfall, disconnect: Disconnect) -> Generation:
        del waterfall, disconnect
        if index != "docs":
            raise IndexNotFound(f"there is no index '{index}'")
        return self.generation

    def rewritten_by(self, question: str, earlier: Sequence[str], options: RetrievalOptions) -> str:
        del question, options
        return self.rewriter if earlier else ""

    def find(
        self, index: str, question: str, earlier: Sequence[str], options: RetrievalOptions, waterfall: Waterfall,
        disconnect: Disconnect,
    ) -> Found:  # fmt: skip
        del earlier, options
        self.searches += 1
        self.seen(disconnect)
        with waterfall.span("search"):
            self.before_search()
        hits = [hit(name, version) for name, version in self.versions.items()]
        passages = tuple(Ranked(hit, 1.0) for hit in hits)
        prepared = prepare(question, [])
        return Found(index, self.generation.name, prepared, passages, self.missing, rewritten=self.rewritten)


class Versioned:
    """A model that says which version of the document that is asked about it was given."""

    def stream(self, call: ResolvedCall, _waterfall: Waterfall, _disconnect: Disconnect) -> Iterator[chat.Event]:
        text = call.request.messages[-1].content[0].text  # type: ignore[union-attr]
        version = text.partition("version ")[2].partition(" ")[0]
        return iter((Started(), TextDelta(f"It is version {version} of it [1]."), Stopped("end_turn"), Usage(9, 9)))


class Named(Documents):
    """Finds the one document that the question names, whose text says its version."""

    def find(self, index: str, question: str, *_: Any) -> Found:
        name = question.removeprefix("What is in ").removesuffix("?")
        version = self.versions[name]
        found = Ranked(hit(name, version, f"It is version {version} of it."), 1.0)
        return Found(index, self.generation.name, prepare(question, []), (found,))


class Rag(Caching):
    """A cache over documents, and the index through which they change."""

    def __init__(self, *answers: Any, store: Any = None, documents: Any = None, **more: Any) -> None:
        self.documents = documents or Documents()
        super().__init__(answers or [CITED] * 9, finds=self.documents, store=store, **more)
        self.index = MarkingIndex(_Engine(self.documents), self.store, clock=self.clock)

    def question(self, text: str = "How often does Lambda retry?", **fields: Any) -> dict[str, Any]:
        return self.ask(text, **({"model": "rag:docs@fast", "parameters": Parameters()} | fields))[1]

    def change(self, document: str, version: str) -> None:
        self.index.write("docs", [Document(document, document, version, ())])


class _Engine(MemoryIndex):
    """An engine whose documents are those that are found."""

    def __init__(self, documents: Documents) -> None:
        super().__init__()
        self._documents = documents
        self.create("docs", IndexSpec())

    def write(self, index: str, documents: Any, **more: Any) -> Any:
        written = list(documents)
        for document in written:
            self._documents.versions[document.id] = document.version
        return super().write(index, [], **more)

    def delete(self, index: str, document_ids: Sequence[str], **more: Any) -> None:
        for document_id in document_ids:
            self._documents.versions.pop(document_id, None)
        super().delete(index, document_ids, **more)


def test_an_answer_over_an_index_is_kept_with_its_citations_and_tells_what_it_rests_on() -> None:
    bench = Rag()
    miss, hit = bench.question(), bench.question()
    assert (outcome(miss), outcome(hit), bench.calls) == ("miss", "hit", 1)
    assert hit["rag"]["citations"] == miss["rag"]["citations"] != []
    assert hit["cache"]["documents"] == [{"document": "a", "version": "v1"}, {"document": "b", "version": "v1"}]


def test_a_changed_document_ends_the_answers_that_rest_on_it_and_no_others() -> None:
    bench = Rag()
    bench.question()
    bench.change("elsewhere", "v9")
    assert outcome(bench.question()) == "hit"
    del bench.documents.versions["elsewhere"]
    bench.change("b", "v2")
    assert outcome(bench.question()) == "miss"
    assert outcome(bench.question()) == "hit"


def test_another_environment_that_remembers_the_answer_does_not_serve_it_after_the_change() -> None:
    here = Rag()
    there = Rag(store=here.store)
    there.documents = here.documents
    here.question()
    assert outcome(there.question()) == "hit"
    here.change("a", "v2")
    told = there.question()
    assert (outcome(told), told["cache"]["dropped"]) == ("miss", "changed")


def test_the_answers_end_before_the_index_shows_the_change() -> None:
    bench = Rag()
    bench.question()
    seen: list[str | None] = []

    class Slow(_Engine):
        def write(self, index: str, documents: Any, **more: Any) -> Any:
            seen.append(outcome(bench.question()))
            return super().write(index, documents, **more)

    MarkingIndex(Slow(bench.documents), bench.store, clock=bench.clock).write("docs", [Document("a", "a", "v2", ())])
    assert seen == ["miss"]


def test_an_answer_that_was_begun_before_a_change_and_ends_after_it_is_not_served() -> None:
    bench = Rag()
    answer = bench.begin("How often does Lambda retry?", model="rag:docs@fast")
    bench.change("a", "v2")
    list(answer.events)
    answer.settle()
    assert outcome(bench.question()) == "miss"


def test_who_comes_after_a_change_does_not_follow_an_answer_that_was_begun_before_it() -> None:
    bench = Rag()
    answer = bench.begin("How often does Lambda retry?", model="rag:docs@fast", parameters=Parameters())
    bench.change("a", "v2")
    told = bench.question()
    assert (outcome(told), bench.calls) == ("miss", 2)
    list(answer.events)
    answer.settle()


def test_a_document_that_was_changed_back_is_the_same_document() -> None:
    bench = Rag()
    bench.question()
    bench.change("a", "v2")
    bench.change("a", "v1")
    assert outcome(bench.question()) == "hit"


def test_a_document_that_is_deleted_ends_its_answers_and_one_that_comes_again_is_kept_again() -> None:
    bench = Rag()
    bench.question()
    bench.index.delete("docs", ["b"])
    assert outcome(bench.question()) == "miss"
    bench.change("b", "v3")
    bench.question()
    assert outcome(bench.question()) == "hit"


def test_what_a_re_index_copies_changes_nothing() -> None:
    bench = Rag()
    bench.question()
    bench.index.write("docs", [Document("a", "a", "v0", ())], if_absent=True)
    bench.index.delete("docs", ["a"], generation="docs-000001")
    bench.documents.versions = {"a": "v1", "b": "v1"}
    assert outcome(bench.question()) == "hit"


def test_an_index_that_is_dropped_takes_its_answers_along() -> None:
    bench = Rag()
    bench.question()
    bench.index.drop("docs")
    assert outcome(bench.question()) == "miss"


def test_another_generation_or_ranking_has_other_answers() -> None:
    bench = Rag()
    bench.question()
    bench.documents.generation = msgspec.structs.replace(bench.documents.generation, name="docs-000002")
    assert outcome(bench.question()) == "miss"
    bench.documents.generation = msgspec.structs.replace(bench.documents.generation, kept=Kept(ranking={"fusion": {}}))
    assert outcome(bench.question()) == "miss"


def test_other_synonyms_have_other_answers() -> None:
    bench = Rag()
    bench.question()
    bench.documents.generation = msgspec.structs.replace(
        bench.documents.generation, kept=Kept(synonyms=("retry, redrive",))
    )
    assert [outcome(bench.question()), outcome(bench.question())] == ["miss", "hit"]


A_FILTER, ANOTHER_FILTER = Filter("team", ("red",)), Filter("area", ("north",))


@pytest.mark.parametrize(
    ("said", "again"),
    [
        (RetrievalOptions(excluded=("a", "b")), RetrievalOptions(excluded=("b", "a"))),
        (RetrievalOptions(off=("frame", "phrases")), RetrievalOptions(off=("phrases", "frame"))),
        (RetrievalOptions(filters=(A_FILTER, ANOTHER_FILTER)), RetrievalOptions(filters=(ANOTHER_FILTER, A_FILTER))),
    ],
    ids=["excluded", "off", "filters"],
)
def test_what_has_no_order_has_one_answer_in_any_order(said: RetrievalOptions, again: RetrievalOptions) -> None:
    bench = Rag()
    told = [outcome(bench.question(options=Options(retrieval=options))) for options in (said, again)]
    assert told == ["miss", "hit"]


@pytest.mark.parametrize("options", [RetrievalOptions(passages=5), RetrievalOptions(leg_timeout_ms=900)])
def test_a_default_that_is_written_out_and_a_time_limit_change_nothing(options: RetrievalOptions) -> None:
    bench = Rag()
    bench.question()
    assert outcome(bench.question(options=Options(retrieval=options))) == "hit"


def test_other_ways_of_searching_have_other_answers() -> None:
    bench = Rag()
    bench.question()
    assert outcome(bench.question(options=Options(retrieval=RetrievalOptions(passages=3)))) == "miss"


def test_another_model_that_rewrites_questions_has_other_answers_to_those_with_others_before_them() -> None:
    bench = Rag()
    turns = [Message("user", [Text("What is Lambda?")]), Message("assistant", [Text("A service.")])]
    turns.append(Message("user", [Text("And how often does it retry?")]))
    told = []
    for rewriter in ("amazon.nova-micro-v1:0", "amazon.nova-lite-v1:0"):
        bench.documents.rewriter = rewriter
        told += [outcome(bench.question(messages=turns)), outcome(bench.question())]
        assert outcome(bench.question(messages=turns)) == "hit"
    assert told == ["miss", "miss", "miss", "hit"]


@pytest.mark.parametrize(("rewriting", "kept"), [("ok", True), ("unfit", True), ("late", False), ("resting", False)])
def test_an_answer_whose_question_nobody_rewrote_in_time_is_not_kept(rewriting: Any, kept: bool) -> None:
    bench = Rag()
    bench.documents.rewritten = Rewritten(rewriting, "amazon.nova-micro-v1:0")
    bench.question()
    assert outcome(bench.question()) == ("hit" if kept else "miss")


def test_an_answer_that_no_passage_supports_is_not_kept() -> None:
    bench = Rag(UNCITED, CITED)
    assert bench.question()["rag"]["supported"] is False
    assert outcome(bench.question()) == "miss"


def test_an_answer_of_a_search_that_missed_a_leg_is_not_kept() -> None:
    bench = Rag()
    bench.documents.missing = ("dense",)
    bench.question()
    bench.documents.missing = ()
    assert outcome(bench.question()) == "miss"


def test_a_mark_that_cannot_be_put_fails_the_change() -> None:
    class Down(MemoryAnswerStore):
        def mark(self, index: str, marks: Any, *, until_s: float) -> None:
            raise UpstreamUnavailable("down")

    bench = Rag(store=Down())
    with pytest.raises(UpstreamUnavailable):
        bench.change("a", "v2")
    assert bench.documents.versions["a"] == "v1"


def test_a_purged_document_ends_what_was_asked_before_whatever_its_version() -> None:
    bench = Rag()
    bench.question()
    bench.store.mark("docs", {"a": Mark(None, bench.clock() + 5)}, until_s=bench.clock() + 100)
    assert outcome(bench.question()) == "miss"
    bench.clock.now_s += 6
    bench.question()
    assert outcome(bench.question()) == "hit"


def test_searching_goes_on_while_the_answer_is_looked_for() -> None:
    searching = Event()

    class Store(MemoryAnswerStore):
        def claim(self, *args: Any) -> Any:
            assert searching.wait(WAIT_S)  # the search has begun before the look-up is over
            return super().claim(*args)

    bench = Rag(store=Store())
    bench.documents.before_search = searching.set
    told = bench.question()
    assert outcome(told) == "miss"
    assert {"cache", "retrieve", "search"} <= set(told["spans_ms"])


def test_a_hit_does_not_wait_for_the_search_which_is_given_up() -> None:
    searching, go_on, lines = Event(), Event(), list[Disconnect]()

    class Store(MemoryAnswerStore):
        def read(self, *args: Any, **more: Any) -> Any:
            assert searching.wait(WAIT_S)  # the search has begun before the answer is found
            return super().read(*args, **more)

    bench = Rag(store=Store())
    bench.question()
    bench.question()  # from now on it is remembered, and so read
    bench.documents.seen = lines.append
    bench.documents.before_search = lambda: searching.set() or go_on.wait(WAIT_S)  # type: ignore[assignment,func-returns-value,return-value]
    told = bench.question()
    go_on.set()
    assert outcome(told) == "hit"
    assert lines[0].gone()


def test_an_unknown_index_is_told_as_ever() -> None:
    with pytest.raises(IndexNotFound):
        Rag().question(model="rag:nowhere")


def test_under_load_nobody_is_ever_served_what_a_change_that_was_acknowledged_before_has_ended() -> None:
    bench = Rag(models=Versioned(), documents=Named())
    names = [f"d{number}" for number in range(4)]
    acknowledged = dict.fromkeys(names, 0)
    stale: list[tuple[int, int]] = []
    served: list[str | None] = []

    def change(name: str) -> None:
        for version in range(1, CHANGES // len(names) + 1):
            bench.index.write("docs", [Document(name, name, str(version), ())])
            acknowledged[name] = version

    def read(number: int) -> None:
        order = random.Random(number)
        for _ in range(READS // READERS):
            name = order.choice(names)
            at_least = acknowledged[name]
            answer = bench.begin(f"What is in {name}?", model="rag:docs@fast", parameters=Parameters())
            said = "".join(event.text for event in answer.events if type(event) is TextDelta)
            got = int(said.partition("version ")[2].partition(" ")[0])
            if got < at_least:
                stale.append((got, at_least))
            served.append(outcome(answer.report()))
            answer.close()
            answer.settle()

    for name in names:
        bench.index.write("docs", [Document(name, name, "0", ())])
    threads = [Thread(target=read, args=(number,)) for number in range(READERS)]
    threads += [Thread(target=change, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert stale == []
    assert len(served) == READS
    assert served.count("hit") > 0

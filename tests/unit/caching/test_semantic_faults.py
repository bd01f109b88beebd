"""What goes wrong with comparing questions: it fails no request, serves nothing wrong, and is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Barrier, Event, Thread
from typing import Any

import msgspec
import pytest

from slipstream.caching.answers import CacheLimits
from slipstream.caching.entry import FORMAT, Body
from slipstream.caching.policy import CachePolicy
from slipstream.caching.semantic.families import FIRST, LOADS_AT_ONCE, Families, FamilyLimits
from slipstream.caching.semantic.verifier import Verifier
from slipstream.caching.store import Mark, Place
from slipstream.chat.events import Event as ChatEvent
from slipstream.chat.events import Started, TextDelta
from slipstream.disconnect import Disconnect
from slipstream.errors import SlipstreamError, StreamCut, Throttled, UpstreamTimeout, UpstreamUnavailable
from slipstream.fakes.answer_store import MemoryAnswerStore
from slipstream.fakes.question_store import MemoryQuestionStore
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.caching.comparing import ANOTHER, ASKED, REWORDED, Comparing, Notes, saying, text_of
from tests.unit.caching.kept import Clock, outcome, wanting
from tests.unit.caching.test_documents import CITED, Documents
from tests.unit.caching.test_semantic_hits import kinds

WAIT_S = 60.0


class Failing(MemoryQuestionStore):
    """Fails in the operations that a test names."""

    def __init__(self, *failing: str, error: SlipstreamError | None = None) -> None:
        super().__init__()
        self.failing = set(failing)
        self._error = error or UpstreamUnavailable("the table is down")

    def _serve(self, operation: str) -> None:
        if operation in self.failing:
            raise self._error

    def newest(self, *args: Any, **more: Any) -> Any:
        self._serve("newest")
        return super().newest(*args, **more)

    def put(self, *args: Any) -> None:
        self._serve("put")
        super().put(*args)

    def remove(self, *args: Any) -> None:
        self._serve("remove")
        super().remove(*args)

    def find(self, *args: Any) -> Any:
        self._serve("find")
        return super().find(*args)


@pytest.mark.parametrize("error", [UpstreamUnavailable("down"), Throttled("slow down"), UpstreamTimeout("late")])
def test_a_question_store_that_is_down_is_a_miss_and_counted(error: SlipstreamError) -> None:
    bench = Comparing(questions=Failing("newest", "put", "find", "remove", error=error))
    for asked in (ASKED, REWORDED):
        events, report = bench.ask(asked)
        assert (kinds(report), report["cache"]["semantic"]["error"]) == (("miss", None), error.code)
    assert text_of(events) == "Fresh."
    counts = bench.metrics.rows[0][0]
    assert (counts["cache_semantic_unavailable"], counts["cache_semantic_error"]) == (1.0, 1.0)
    assert outcome(bench.ask(ASKED)[1]) == "hit"


def test_what_was_read_before_the_store_went_down_goes_on_serving() -> None:
    questions = Failing()
    bench = Comparing(questions=questions)
    bench.ask(ASKED)
    questions.failing = {"newest", "put"}
    bench.clock.now_s += 60
    assert kinds(bench.ask(REWORDED)[1]) == ("hit", "semantic")


def test_a_store_that_failed_is_asked_again_after_a_while_and_not_by_each_request() -> None:
    class Counting(Failing):
        reads = 0

        def newest(self, *args: Any, **more: Any) -> Any:
            self.reads += 1
            return super().newest(*args, **more)

    questions = Counting("newest")
    bench = Comparing([saying("One.")] * 9, questions=questions)
    for number in range(5):
        bench.ask(f"Which is number {number}?")
    assert questions.reads == 1
    questions.failing = set()
    bench.clock.now_s += 6
    bench.ask("Which is number 4?")
    bench.ask("Please, which is number 4?")
    assert questions.reads == 2


def test_a_question_that_could_not_be_written_is_known_nowhere_and_its_answer_serves_exactly() -> None:
    bench = Comparing(questions=Failing("put"))
    bench.ask(ASKED)
    assert bench.metrics.rows[0][0]["cache_semantic_error"] == 1.0
    assert kinds(bench.ask(ASKED)[1]) == ("hit", "exact")
    assert kinds(bench.ask(REWORDED)[1]) == ("miss", None)


def test_an_embedding_model_that_is_down_is_a_miss_and_counted() -> None:
    def down(_: str) -> list[float]:
        raise Throttled("slow down")

    bench = Comparing(embed=down)
    for asked in (ASKED, REWORDED):
        report = bench.ask(asked)[1]
    assert kinds(report) == ("miss", None)
    assert report["cache"]["semantic"] == {"reason": "unavailable", "error": "rate_limit_exceeded"}
    assert bench.metrics.rows[1][0]["cache_semantic_unavailable"] == 1.0
    assert bench.known() == []


def test_a_bug_in_comparing_fails_no_request() -> None:
    class Broken(Notes):
        def verifier(self, namespace: str) -> Verifier:
            raise KeyError("bridge")

    bench = Comparing(learning=Broken())
    bench.ask(ASKED)
    events, report = bench.ask(REWORDED)
    assert text_of(events) == "Fresh."
    assert report["cache"]["semantic"] == {"reason": "unavailable", "error": "KeyError"}


class Slow:
    """An embedding model that answers when a test lets it."""

    def __init__(self) -> None:
        self.may = Event()
        self.may.set()

    def __call__(self, text: str) -> list[float]:
        assert self.may.wait(WAIT_S)
        return [float(text.lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"]


def test_a_vector_that_comes_too_late_is_dropped_counted_and_serves_the_next_one() -> None:
    slow = Slow()
    bench = Comparing(embed=slow, limits=CacheLimits(look_s=30.0, semantic_s=0.001))
    slow.may.clear()
    answer = bench.begin(ASKED)
    assert outcome(answer.report()) == "miss"
    assert answer.report()["cache"]["semantic"] == {"reason": "late"}
    slow.may.set()
    list(answer.events)
    answer.settle()
    assert bench.metrics.rows[0][0]["cache_semantic_late"] == 1.0
    assert [known.text for known in bench.known()] == [ASKED]


def test_known_questions_that_come_too_late_are_a_late_look_up() -> None:
    class Slow(MemoryQuestionStore):
        def __init__(self) -> None:
            super().__init__()
            self.may = Event()

        def newest(self, *args: Any, **more: Any) -> Any:
            assert self.may.wait(WAIT_S)
            return super().newest(*args, **more)

    questions = Slow()
    bench = Comparing(questions=questions, limits=CacheLimits(look_s=30.0, semantic_s=0.001))
    answer = bench.begin(ASKED)
    assert answer.report()["cache"]["semantic"]["reason"] == "late"
    questions.may.set()
    list(answer.events)
    answer.settle()
    assert bench.metrics.rows[0][0]["cache_semantic_late"] == 1.0


# -- candidates whose answer is not there


def place_of(bench: Comparing, text: str) -> Place:
    return Place("tenant:default", next(known.key for known in bench.known() if known.text == text))


def test_a_candidate_whose_answer_was_purged_is_not_served_and_forgotten() -> None:
    bench = Comparing()
    bench.ask(ASKED)
    bench.store.purge("tenant:default")
    events, report = bench.ask(REWORDED)
    assert (text_of(events), kinds(report)) == ("Fresh.", ("miss", None))
    assert [known.text for known in bench.known()] == [REWORDED]


def test_a_corrupt_answer_is_not_served_and_its_question_forgotten() -> None:
    bench = Comparing()
    bench.ask(ASKED)
    place = place_of(bench, ASKED)
    bench.store._bodies[place] = Body(b"?", bench.store._bodies[place].checksum)
    events, report = bench.ask(REWORDED)
    assert (text_of(events), kinds(report)) == ("Fresh.", ("miss", None))
    assert [known.text for known in bench.known()] == [REWORDED]


@pytest.mark.parametrize("gone", [0, 1])
def test_the_next_nearest_is_tried_where_the_nearest_ones_answer_is_gone(gone: int) -> None:
    bench, texts = Comparing([saying("One."), saying("Two."), saying("Never.")]), (ASKED, f"{ASKED} Thanks!")
    for text in texts:
        bench.ask(text, options=wanting("refresh"))
    bench.store.purge("tenant:default", place_of(bench, texts[gone]).key)
    assert text_of(bench.ask(REWORDED)[0]) == ("Two.", "One.")[gone]


def test_an_entry_of_a_newer_version_is_not_served_and_left_alone() -> None:
    bench = Comparing()
    bench.ask(ASKED)
    place = place_of(bench, ASKED)
    bench.store._heads[place] = msgspec.structs.replace(bench.store._heads[place], format=FORMAT + 1)
    assert text_of(bench.ask(REWORDED)[0]) == "Fresh."
    assert place in bench.store._heads
    assert {known.text for known in bench.known()} == {ASKED, REWORDED}


@pytest.fixture
def over_documents() -> Comparing:
    bench = Comparing([CITED] * 9, finds=Documents(), policy=CachePolicy(semantic="rag"))
    bench.ask("How often does it retry?", model="rag:docs")
    return bench


def rag(bench: Comparing) -> tuple[str, str | None]:
    return kinds(bench.ask("Please, how often does it retry?", model="rag:docs")[1])


def test_another_wording_gets_an_answer_over_documents_that_stand(over_documents: Comparing) -> None:
    assert rag(over_documents) == ("hit", "semantic")


@pytest.mark.parametrize("mark", [{"a": Mark("v2")}, {"b": Mark("")}, {"": Mark(None, 2e9)}, {"a": Mark(None, 2e9)}])
@pytest.mark.parametrize("remembered", [True, False])
def test_a_documents_mark_ends_its_answer_for_other_wordings_at_once(
    over_documents: Comparing, mark: dict[str, Mark], remembered: bool
) -> None:
    bench = over_documents
    if remembered:
        assert rag(bench) == ("hit", "semantic")
    bench.store.mark("docs", mark, until_s=3e9)
    assert rag(bench) == ("miss", None)
    assert "How often does it retry?" not in {known.text for known in bench.known()}


def test_a_mark_of_another_document_ends_nothing(over_documents: Comparing) -> None:
    over_documents.store.mark("docs", {"c": Mark("v2"), "a": Mark("v1")}, until_s=3e9)
    assert rag(over_documents) == ("hit", "semantic")


def test_another_generation_of_the_index_is_another_family(over_documents: Comparing) -> None:
    documents = over_documents.pipeline._finds()  # type: ignore[misc]
    documents.generation = msgspec.structs.replace(documents.generation, name="docs-000002")  # type: ignore[attr-defined]
    assert rag(over_documents) == ("miss", None)


# -- many at once, and those who die


def test_a_stream_that_breaks_makes_nothing_known() -> None:
    bench = Comparing([(Started(), TextDelta("At the")), saying("Fresh.")])
    answer = bench.begin(ASKED)
    next(answer.events)
    answer.close()
    answer.settle()
    assert bench.known() == []
    assert text_of(bench.ask(REWORDED)[0]) == "Fresh."


def test_an_error_of_the_model_makes_nothing_known() -> None:
    bench = Comparing([StreamCut("cut"), saying("Fresh.")])
    with pytest.raises(StreamCut):
        bench.ask(ASKED)
    assert bench.known() == []


def test_a_writer_that_dies_between_answer_and_question_leaves_an_exact_answer() -> None:
    class Killed(BaseException):
        pass

    class Dying(MemoryQuestionStore):
        def put(self, *_: Any) -> None:
            raise Killed

    store, clock = MemoryAnswerStore(), Clock()
    bench = Comparing(store=store, questions=Dying(), clock=clock)
    answer = bench.begin(ASKED)
    list(answer.events)
    with pytest.raises(Killed):
        answer.settle()
    other = Comparing([saying("Never.")], store=store, clock=clock)
    assert kinds(other.ask(ASKED)[1]) == ("hit", "exact")


COLOURS = ("red", "blue", "old", "new")
THINGS = ("kettle", "ladder", "bicycle", "curtain", "window", "cupboard", "bucket", "candle", "mirror", "blanket")
WAYS = (
    "How do I clean the {}?", "Please, how can I clean the {}?", "hi, how do I clean the {}",
    "how could we clean the {}?", "Hello! How do you clean the {}, please?",
)  # fmt: skip


class Knowing:
    """A model that answers for the thing that is asked about."""

    def __init__(self) -> None:
        self.calls = list[ResolvedCall]()

    def stream(self, call: ResolvedCall, _waterfall: Waterfall, _disconnect: Disconnect) -> Iterator[ChatEvent]:
        self.calls.append(call)
        asked = call.request.messages[-1].content[0].text  # type: ignore[union-attr]
        return iter(saying(answer_to(next(thing for thing in things() if thing in asked))))


def things() -> list[str]:
    return [f"{colour} {thing}" for colour in COLOURS for thing in THINGS]


def answer_to(thing: str) -> str:
    return f"Do it as a {thing} is cleaned."


def test_two_hundred_wordings_of_forty_questions_at_once_each_get_their_own_answer() -> None:
    bench = Comparing(models=Knowing())
    for thing in things():
        bench.ask(WAYS[0].format(thing))
    wrong, outcomes, barrier = list[str](), list[str](), Barrier(200)

    def ask(way: str, thing: str) -> None:
        barrier.wait(WAIT_S)
        events, report = bench.ask(way.format(thing))
        outcomes.append(report["cache"]["outcome"])
        if text_of(events) != answer_to(thing):
            wrong.append(f"{way.format(thing)}: {text_of(events)}")

    threads = [Thread(target=ask, args=(way, thing)) for way in WAYS for thing in things()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert not wrong
    assert outcomes == ["hit"] * 200
    assert bench.calls == 40


# -- limits


def families_of(bench: Comparing) -> Families:
    assert bench.cache.semantic is not None
    return bench.cache.semantic()._families


def settled(bench: Comparing) -> None:
    """What is read behind requests has been read: it waits its turn on the same threads."""
    families = families_of(bench)
    barrier = Barrier(LOADS_AT_ONCE)
    for pending in [families._beside.start(lambda: barrier.wait(WAIT_S)) for _ in range(LOADS_AT_ONCE)]:
        pending.result(WAIT_S)


def test_an_environment_remembers_a_bounded_number_of_questions_and_families() -> None:
    families = FamilyLimits(families=2, questions=3)
    bench = Comparing([saying("One.")] * 20, families=families)
    for number in range(6):
        bench.ask(f"Which of all is number {number}?")
    (index,) = [family.index for family in families_of(bench)._families.values()]
    assert len(index) == 3
    for tenant in ("a", "b", "c"):
        bench.ask(ASKED, tenant=tenant)
    assert len(families_of(bench)._families) == 2


def test_families_are_let_go_where_they_take_too_many_bytes() -> None:
    bench = Comparing([saying("One.")] * 20, families=FamilyLimits(most_bytes=4000))
    for tenant in ("a", "b", "c", "d"):
        bench.ask(ASKED, tenant=tenant)
    assert len(families_of(bench)._families) == 1
    assert kinds(bench.ask(REWORDED, tenant="a")[1]) == ("hit", "semantic")


def test_a_family_larger_than_the_first_read_is_read_whole_behind_the_request() -> None:
    questions, store, clock = MemoryQuestionStore(), MemoryAnswerStore(), Clock()
    first = Comparing(questions=questions, store=store, clock=clock)
    first.ask(ASKED)
    ((place, by_key),) = questions._families.items()
    (known,) = by_key.values()
    for number in range(FIRST + 10):
        more = msgspec.structs.replace(known, key=f"{number:064x}", answer=f"{number:064x}", text=f"Number {number}",
                                       vector=bytes([number % 120]) * 512, asked_s=clock.now_s + 1)  # fmt: skip
        questions.put(*place, more)
    there = Comparing([saying("Other.")] * 3, questions=questions, store=store, clock=clock)
    there.ask("What is the weather like?")
    index = families_of(there)
    settled(there)
    assert next(iter(index._families.values())).index.get(known.key)
    assert kinds(there.ask(REWORDED)[1]) == ("hit", "semantic")


def test_a_family_is_read_anew_after_a_while_so_that_what_was_removed_elsewhere_goes() -> None:
    bench = Comparing([saying("One.")] * 5, families=FamilyLimits(whole_s=100))
    bench.ask(ASKED)
    ((place, by_key),) = bench.questions._families.items()
    for key in list(by_key):
        bench.questions.remove(*place, key)
    bench.clock.now_s += 101
    bench.ask("What is the weather like?")
    index = families_of(bench)
    settled(bench)
    assert ASKED not in {one.text for one in next(iter(index._families.values())).index.all()}


def test_questions_of_another_vectors_size_are_not_compared() -> None:
    bench = Comparing()
    bench.ask(ASKED)
    ((place, by_key),) = bench.questions._families.items()
    (known,) = by_key.values()
    other = Comparing([saying("Fresh.")], questions=MemoryQuestionStore(), store=bench.store, clock=bench.clock)
    other.questions.put(*place, msgspec.structs.replace(known, vector=b"\x7f" * 100))
    assert kinds(other.ask(REWORDED)[1]) == ("miss", None)


def test_what_is_learnt_while_a_family_is_read_anew_stays_known() -> None:
    class Meanwhile(MemoryQuestionStore):
        """Lets something happen once, when it has been read and nobody has what was found."""

        happens: Callable[[], None] | None = None

        def newest(self, *args: Any, **more: Any) -> Any:
            found = super().newest(*args, **more)
            happens, self.happens = self.happens, None
            if happens is not None:
                happens()
            return found

    questions = Meanwhile()
    bench = Comparing([saying("One.")] * 5, questions=questions, families=FamilyLimits(whole_s=100))
    bench.ask(ASKED)
    bench.clock.now_s += 101
    questions.happens = lambda: bench.ask(ANOTHER) and None
    bench.ask("What is the weather like?")
    settled(bench)
    assert questions.happens is None
    assert kinds(bench.ask("Please, how do I bake bread?")[1]) == ("hit", "semantic")

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from threading import Lock
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import IndexNotFound, Throttled, UpstreamError
from slipstream.fakes.embedder import HashingEmbedder
from slipstream.models.embedding import EmbeddingCall, Embeddings
from slipstream.retrieval.document import Document, Passage
from slipstream.retrieval.ingest import EVERYTHING
from slipstream.retrieval.ports import Failed, IndexSpec
from slipstream.retrieval.question.acronyms import Meaning
from slipstream.retrieval.reindex import ReindexUnderWay, Step, begin, step, under_way
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.retrieval.loading import Desk, resolve
from tests.unit.retrieval.memory_index import SPEC, MemoryIndex

NEXT = IndexSpec(dimensions=512)
TEXTS = {f"{n:03d}.md": f"# Page {n}\n\nText of page {n}." for n in range(100)}


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.load(TEXTS)
    return made


def go_on(desk: Desk, **more: Any) -> Step:
    return step(desk.index, "docs", desk.embedder, resolve, sleep=desk.slept.append, **more)


def test_a_reindex_to_another_size_embeds_what_is_stored_and_swaps(desk: Desk) -> None:
    begin(desk.index, "docs", NEXT)

    done = go_on(desk)

    assert done == Step("docs-000002", 100, 0, True)
    assert [generation.name for generation in desk.index.generations("docs")] == ["docs-000002"]
    stored = desk.index.documents()
    assert sorted(stored) == sorted(TEXTS)
    assert {len(passage.vector) for document in stored.values() for passage in document.passages} == {512}


def test_a_reindex_for_the_engine_s_sake_embeds_nothing(desk: Desk) -> None:
    before, asked = dict(desk.index.documents()), len(desk.embedder.calls)
    begin(desk.index, "docs", IndexSpec(dimensions=SPEC.dimensions, m=32))

    go_on(desk)

    assert desk.index.documents() == before
    assert len(desk.embedder.calls) == asked


class Slow(HashingEmbedder):
    """Each call takes ``seconds`` of its own clock, or is throttled."""

    def __init__(self, seconds: float = 0.05, *, throttled: bool = False) -> None:
        super().__init__()
        self.now_s = 0.0
        self._seconds = seconds
        self._throttled = throttled
        self._lock = Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now_s += seconds

    def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
        self.sleep(self._seconds)
        if self._throttled:
            raise Throttled("slow down")
        return super().embed(call, waterfall, disconnect)


PASSAGES = 30


def long_documents(count: int) -> list[Document]:
    return [
        Document(f"{n:03d}", f"Page {n}", "1", tuple(Passage(at, f"Text {at} of {n}.", 0, 1) for at in range(PASSAGES)))
        for n in range(count)
    ]


def steps(
    embedder: Slow, index: MemoryIndex, *, most: int, deadline_s: float, side_by_side: int = 8
) -> list[tuple[Step, float]]:
    """Steps and the seconds that each of them took."""
    done: list[tuple[Step, float]] = []
    while len(done) < most and not (done and done[-1][0].finished):
        began_s = embedder.now_s
        found = step(
            index, "docs", embedder, resolve, deadline_s=began_s + deadline_s, clock=lambda: embedder.now_s,
            side_by_side=side_by_side, sleep=embedder.sleep,
        )  # fmt: skip
        done.append((found, embedder.now_s - began_s))
    return done


def test_steps_keep_to_their_time_whatever_documents_hold_and_each_goes_on_where_the_last_one_stopped() -> None:
    embedder, index = Slow(), MemoryIndex()
    index.create("docs", SPEC)
    index.write("docs", long_documents(16))
    begin(index, "docs", NEXT)

    done = steps(embedder, index, most=50, deadline_s=3.0)

    assert done[-1][0] == Step("docs-000002", 16, 0, True)
    left = [found.left for found, _ in done]
    assert len(done) > 2
    assert left[0] < 16
    assert all(after < before for before, after in pairwise(left[:-1]))
    assert max(took_s for _, took_s in done) <= 3.0 + 8 * 0.05  # the calls that had begun
    assert index.documents()["015"].passages[-1].vector != ()


def test_a_step_that_is_throttled_to_its_end_keeps_to_its_time_and_leaves_everything_as_it_was() -> None:
    embedder, index = Slow(0.0, throttled=True), MemoryIndex()
    index.create("docs", SPEC)
    index.write("docs", long_documents(2))
    begin(index, "docs", NEXT)

    ((found, took_s),) = steps(embedder, index, most=1, deadline_s=3.0, side_by_side=1)

    assert (found.left, found.finished) == (2, False)
    assert took_s <= 3.0


def test_what_is_embedded_is_written_in_batches_of_passages_and_in_whole_documents() -> None:
    index = MemoryIndex()
    index.create("docs", SPEC)
    index.write("docs", long_documents(12))
    begin(index, "docs", NEXT)
    index.writes.clear()

    assert step(index, "docs", HashingEmbedder(), resolve).finished

    assert [len(ids) for _, ids in index.writes] == [5, 5, 2]


def test_a_step_without_vectors_to_compute_goes_on_a_little_even_when_it_begins_late(desk: Desk) -> None:
    begin(desk.index, "docs", IndexSpec(dimensions=SPEC.dimensions, m=32))

    found = [go_on(desk, deadline_s=0.0, clock=lambda: 1.0).left for _ in range(3)]

    assert found == [80, 60, 40]


def test_searches_see_the_old_generation_until_the_swap(desk: Desk) -> None:
    begin(desk.index, "docs", NEXT)
    go_on(desk, deadline_s=0.0, clock=lambda: 1.0)

    assert sorted(desk.index.documents()) == sorted(TEXTS)
    assert under_way(desk.index, "docs") is not None


def test_without_a_reindex_under_way_a_step_is_finished_at_once(desk: Desk) -> None:
    assert go_on(desk) == Step("docs-000001", 100, 0, True)


def test_the_same_reindex_begun_twice_is_one(desk: Desk) -> None:
    assert begin(desk.index, "docs", NEXT).name == begin(desk.index, "docs", NEXT).name


def test_another_reindex_has_to_wait(desk: Desk) -> None:
    begin(desk.index, "docs", NEXT)

    with pytest.raises(ReindexUnderWay, match="docs-000002"):
        begin(desk.index, "docs", IndexSpec(dimensions=1024))


def test_an_index_that_is_missing_is_told(desk: Desk) -> None:
    with pytest.raises(IndexNotFound):
        begin(desk.index, "nowhere", NEXT)


def test_a_document_that_the_new_generation_refuses_stops_the_swap(desk: Desk) -> None:
    begin(desk.index, "docs", NEXT)
    desk.index.refuses = lambda d: Failed(d.id, "mapping conflict", False) if d.id == "050.md" else None

    with pytest.raises(Exception, match=r"refused '050\.md': mapping conflict"):
        go_on(desk)

    assert under_way(desk.index, "docs") is not None
    assert sorted(desk.index.documents()) == sorted(TEXTS)


def test_a_document_that_is_too_large_for_the_new_generation_stops_the_swap_before_it_is_embedded(desk: Desk) -> None:
    begin(desk.index, "docs", NEXT)
    desk.index.unfits = lambda document, target: "it is too large" if document.id == "000.md" else None
    asked = len(desk.embedder.calls)

    with pytest.raises(UpstreamError, match=r"refused '000\.md': it is too large"):
        go_on(desk)

    assert len(desk.embedder.calls) == asked
    assert sorted(desk.index.documents()) == sorted(TEXTS)


CHANGES = st.lists(st.tuples(st.integers(0, 11), st.sampled_from(["change", "remove", "add"])), min_size=1, max_size=6)


@given(CHANGES)
def test_loads_during_a_reindex_are_all_in_the_generation_that_comes_out(changes: list[tuple[int, str]]) -> None:
    desk = Desk()
    texts = {f"{n:03d}.md": f"Text of page {n}." for n in range(10)}
    desk.load(texts)
    begin(desk.index, "docs", NEXT)
    left = list(changes)
    busy: list[bool] = []

    def meanwhile(_: Sequence[Document]) -> None:
        """Before each write of the copy, one load comes in between."""
        if busy or not left:
            return
        busy.append(True)
        number, kind = left.pop(0)
        name = f"{number:03d}.md"
        if kind == "remove":
            texts.pop(name, None)
        else:
            texts[name] = f"Text of page {number}, change {len(left)}."
        desk.load(texts, remove_missing=EVERYTHING)
        busy.pop()

    desk.index.before_write = meanwhile
    assert go_on(desk).finished
    while left:
        meanwhile(())

    fresh = Desk()
    fresh.load(texts)
    versions = {document.id: document.version for document in fresh.index.documents().values()}
    assert desk.index.versions("docs") == versions
    for document in desk.index.documents().values():
        assert all(len(passage.vector) == 512 for passage in document.passages)


def test_a_reindex_learns_acronyms_from_what_was_stored_before_and_keeps_what_the_index_kept() -> None:
    desk, stored = Desk(), Desk()
    stored.load({"a.md": "Use the AWS Key Management Service (AWS KMS)."})
    desk.index.write("docs", stored.index.documents().values())
    desk.index.set_synonyms("docs", ["delete, remove"])
    begin(desk.index, "docs", IndexSpec(dimensions=SPEC.dimensions, m=32))

    go_on(desk)

    (generation,) = desk.index.generations("docs")
    assert generation.kept.learnt == {"KMS": Meaning("Key Management Service")}
    assert generation.kept.synonyms == ("delete, remove",)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.errors import IndexNotFound
from slipstream.retrieval.document import Document
from slipstream.retrieval.ingest import EVERYTHING
from slipstream.retrieval.ports import Failed, IndexSpec
from slipstream.retrieval.question.acronyms import Meaning
from slipstream.retrieval.reindex import ReindexUnderWay, Step, begin, step, under_way
from tests.unit.retrieval.loading import Desk, resolve
from tests.unit.retrieval.memory_index import SPEC

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


def test_a_step_that_is_out_of_time_tells_what_is_left_and_the_next_goes_on(desk: Desk) -> None:
    begin(desk.index, "docs", NEXT)
    asked = len(desk.embedded)

    first = go_on(desk, deadline_s=0.0, clock=lambda: 1.0)
    second = go_on(desk, deadline_s=0.0, clock=lambda: 1.0)
    last = go_on(desk)

    assert [(s.left, s.finished) for s in (first, second, last)] == [(68, False), (36, False), (0, True)]
    assert len(desk.embedded) - asked == 100


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

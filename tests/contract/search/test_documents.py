from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from slipstream.aws.document_index import OpenSearchDocuments, connect
from slipstream.disconnect import NEVER
from slipstream.errors import IndexExists, IndexNotFound, IndexReadOnly, InvalidRequest
from slipstream.retrieval.document import Document
from slipstream.retrieval.ports import Held, IndexSpec
from slipstream.telemetry.waterfall import Waterfall
from tests.contract.search.engines import BETWEEN, EAST, NORTH, SPEC, Engine, document, names

FIRST = document(
    "a/b c.md",
    "one",
    "two",
    title="Äpfel",
    headings=[("H", "h"), ()],
    vectors=[EAST, BETWEEN],
    source="s3://bucket/a",
    language="de",
    updated_at_s=1.5,
    popularity=2.0,
    attributes={"text": "x", "number": 1.5, "truth": True},
)
SECOND = document("second", "three", vectors=[NORTH], origin="s3://bucket/b")
WIDER = IndexSpec(dimensions=8, embedding_model="other")


def test_a_document_comes_back_as_it_was_written(engine: Engine) -> None:
    engine.load(FIRST, SECOND)

    (found,) = engine.documents.read(engine.index, [FIRST.id, "unknown"])

    assert found == FIRST


def test_a_document_whose_first_passages_stand_under_no_heading_comes_back_whole(engine: Engine) -> None:
    headless = document("a", *"uvwxyz", headings=[(), (), (), ("H",), ("H",)], vectors=[EAST] * 6, origin="s3://b/a")
    engine.load(headless)

    assert engine.documents.read(engine.index, ["a"]) == [headless]


def test_what_was_written_a_moment_ago_is_read_without_a_refresh(engine: Engine) -> None:
    engine.documents.create(engine.index, SPEC)
    engine.documents.write(engine.index, [SECOND])

    assert engine.documents.versions(engine.index) == {"second": "v1"}
    engine.documents.write(engine.index, [FIRST])
    assert engine.documents.versions(engine.index, [FIRST.id, "unknown"]) == {FIRST.id: "v1"}
    engine.documents.write(engine.index, [msgspec.structs.replace(FIRST, version="v2")])
    assert engine.documents.read(engine.index, [FIRST.id])[0].version == "v2"


def test_versions_can_be_asked_by_origin(engine: Engine) -> None:
    engine.load(FIRST, SECOND)

    assert engine.documents.versions(engine.index, origin="s3://bucket/b") == {"second": "v1"}
    assert engine.documents.versions(engine.index, [FIRST.id], origin="s3://bucket/b") == {}
    assert engine.documents.versions(engine.index, origin="s3://bucket/b", limit=1) == {"second": "v1"}
    assert engine.documents.versions(engine.index, origin="s3://bucket/b", after="second") == {}


def test_the_index_tells_who_holds_an_id(engine: Engine) -> None:
    engine.load(FIRST, SECOND)

    assert engine.documents.held(engine.index, [FIRST.id, "second", "unknown"]) == {
        FIRST.id: Held("v1", ""), "second": Held("v1", "s3://bucket/b"),
    }  # fmt: skip
    assert engine.documents.held(engine.index, []) == {}


def test_versions_of_more_documents_than_a_page_are_all_there(engine: Engine) -> None:
    engine.load(*[document(f"d{n}", "x") for n in range(2_300)])

    found = engine.documents.versions(engine.index)

    assert len(found) == 2_300
    assert len(engine.documents.versions(engine.index, list(found))) == 2_300
    assert list(engine.documents.versions(engine.index, after="d2297", limit=3)) == ["d2298", "d2299", "d23"]
    assert list(engine.documents.versions(engine.index, limit=1_500)) == sorted(found)[:1_500]


def test_a_new_version_takes_the_place_of_the_old_with_all_its_passages(engine: Engine) -> None:
    engine.load(document("d", "old needle", "old needle", "old needle", vectors=[EAST, EAST, EAST]))

    engine.documents.write(engine.index, [document("d", "new needle", vectors=[NORTH], version="v2")])
    engine.documents.refresh(engine.index)

    legs = engine.search("needle", vector=EAST)
    assert [(hit.version, hit.text) for hit in legs.lexical] == [("v2", "new needle")]
    assert [(hit.version, hit.text) for hit in legs.dense] == [("v2", "new needle")]
    assert engine.search("old").lexical == ()


def test_only_absent_documents_are_written_where_that_is_asked(engine: Engine) -> None:
    engine.load(FIRST)

    newer = msgspec.structs.replace(FIRST, version="v2")
    assert engine.documents.write(engine.index, [newer, SECOND], if_absent=True) == []

    assert engine.documents.versions(engine.index) == {FIRST.id: "v1", "second": "v1"}


def test_a_document_that_does_not_fit_is_reported_and_the_others_are_taken(engine: Engine) -> None:
    engine.documents.create(engine.index, SPEC)
    short = document("short", "x", vectors=[(1.0, 0.0)])
    zero = document("zero", "x", vectors=[(0.0, 0.0, 0.0, 0.0)])

    failed = engine.documents.write(engine.index, [short, SECOND, zero])

    assert [(each.document_id, each.retryable) for each in failed] == [("short", False), ("zero", False)]
    assert "dimension" in failed[0].reason
    assert "zero vector" in failed[1].reason
    assert engine.documents.versions(engine.index) == {"second": "v1"}


def test_ids_longer_than_the_engine_takes_are_kept_apart(engine: Engine) -> None:
    long = "ключ/" * 400
    engine.load(document(long + "1", "x"), document(long + "2", "x"))

    assert set(names(engine.search("x").lexical)) == {long + "1", long + "2"}
    engine.documents.delete(engine.index, [long + "1"])
    engine.documents.refresh(engine.index)
    assert names(engine.search("x").lexical) == [long + "2"]


def test_a_document_of_very_long_passages_is_found(engine: Engine) -> None:
    engine.load(document("long", "needle " + "straw " * 20_000, "x" * 100_000))

    assert len(engine.search("needle").lexical[0].text) > 100_000


def test_a_deleted_document_is_gone_and_an_unknown_one_is_no_error(engine: Engine) -> None:
    engine.load(FIRST, SECOND)

    engine.documents.delete(engine.index, ["second", "unknown"])
    engine.documents.refresh(engine.index)

    assert names(engine.search("one two three", vector=NORTH).lexical) == [FIRST.id]
    assert engine.documents.versions(engine.index) == {FIRST.id: "v1"}


def swap_after(monkeypatch: pytest.MonkeyPatch, engine: Engine, look: str, *documents: Document) -> None:
    """Right after the next ``look`` at the generations, a new one with ``documents`` takes the live one's place."""
    real = getattr(engine.documents, look)

    def once(*args: Any) -> Any:
        monkeypatch.setattr(engine.documents, look, real)
        seen = real(*args)
        begun = engine.documents.begin_generation(engine.index, SPEC)
        engine.documents.write(engine.index, documents, generation=begun.name)
        engine.documents.promote(engine.index, begun.name)
        return seen

    monkeypatch.setattr(engine.documents, look, once)


def test_documents_are_deleted_from_the_generation_that_is_swapped_in_meanwhile(
    rest: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest.load(FIRST, SECOND)
    swap_after(monkeypatch, rest, "_mappings", FIRST, SECOND)

    rest.documents.delete(rest.index, ["second"])

    assert rest.documents.versions(rest.index) == {FIRST.id: "v1"}
    assert [each.name for each in rest.documents.generations(rest.index)] == [f"{rest.index}-000002"]


def test_a_look_at_a_generation_that_is_swapped_away_meanwhile_sees_the_new_one(
    rest: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest.load(FIRST, SECOND)
    newer = msgspec.structs.replace(SECOND, version="v2")
    looks = [
        lambda: rest.documents.versions(rest.index, origin=SECOND.origin) == {"second": "v2"},
        lambda: rest.documents.held(rest.index, ["second"]) == {"second": Held("v2", SECOND.origin)},
        lambda: rest.documents.read(rest.index, ["second"]) == [newer],
    ]

    for look in looks:
        swap_after(monkeypatch, rest, "_target", FIRST, newer)
        assert look()


def test_what_is_asked_of_an_index_that_is_gone_is_told(rest: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    rest.load(FIRST)
    real = rest.documents._mappings  # type: ignore[attr-defined]

    def dropped(index: str) -> Any:
        monkeypatch.setattr(rest.documents, "_mappings", real)
        seen = real(index)
        rest.documents.drop(index)
        return seen

    monkeypatch.setattr(rest.documents, "_mappings", dropped)
    with pytest.raises(IndexNotFound):
        rest.documents.delete(rest.index, [FIRST.id])
    with pytest.raises(IndexNotFound):
        rest.documents.versions(rest.index)


def test_an_index_is_made_once_and_dropped_whole(engine: Engine) -> None:
    made = engine.documents.create(engine.index, SPEC)
    assert (made.name, made.spec, made.documents, made.live) == (f"{engine.index}-000001", SPEC, 0, True)
    assert engine.index in engine.documents.names()
    with pytest.raises(IndexExists, match="already"):
        engine.documents.create(engine.index, SPEC)

    engine.documents.drop(engine.index)

    assert engine.index not in engine.documents.names()
    with pytest.raises(IndexNotFound):
        engine.documents.drop(engine.index)


def test_documents_for_a_generation_that_goes_meanwhile_are_refused_and_leave_no_index_behind(rest: Engine) -> None:
    rest.documents.create(rest.index, SPEC)

    def swapped_away() -> Iterator[Document]:
        rest.documents.drop(rest.index)
        yield FIRST

    with pytest.raises(IndexNotFound):
        rest.documents.write(rest.index, swapped_away())
    assert connect(rest.url).indices.get_mapping(index=f"{rest.index}*") == {}


def test_an_index_is_not_named_like_a_generation(rest: Engine) -> None:
    with pytest.raises(InvalidRequest, match="ends like a generation"):
        rest.documents.create("docs-000001", SPEC)


def test_nothing_can_be_done_with_an_index_that_is_not_there(engine: Engine) -> None:
    documents, index = engine.documents, engine.index
    for attempt in (
        lambda: documents.generations(index),
        lambda: documents.begin_generation(index, SPEC),
        lambda: documents.promote(index, f"{index}-000001"),
        lambda: documents.write(index, [FIRST]),
        lambda: documents.delete(index, ["x"]),
        lambda: documents.versions(index),
        lambda: documents.read(index, ["x"]),
        lambda: documents.refresh(index),
        lambda: documents.set_ranking(index, {}),
    ):
        with pytest.raises(IndexNotFound):
            attempt()
    assert index not in documents.names()


@pytest.mark.parametrize("named", ["a writing alias", "an alias of something else"])
def test_an_alias_that_is_no_index_of_this_project_is_not_found(rest: Engine, named: str) -> None:
    rest.load(FIRST)
    client = connect(rest.url)
    alias = f"{rest.index}-000001-writing" if named == "a writing alias" else f"{rest.index}-other"
    if named != "a writing alias":
        client.indices.create(index=f"foreign-{rest.index}", body={"aliases": {alias: {}}})

    try:
        for attempt in (
            lambda: rest.documents.generations(alias),
            lambda: rest.documents.begin_generation(alias, SPEC),
            lambda: rest.documents.write(alias, [SECOND]),
            lambda: rest.documents.versions(alias),
            lambda: rest.documents.set_ranking(alias, {}),
            lambda: rest.passages.describe(alias, Waterfall(), NEVER),
        ):
            with pytest.raises(IndexNotFound):
                attempt()
        assert rest.documents.versions(rest.index) == {FIRST.id: "v1"}
    finally:
        if named != "a writing alias":
            client.indices.delete(index=f"foreign-{rest.index}")


def test_a_generation_of_another_index_is_not_written_to(engine: Engine) -> None:
    engine.load(FIRST)
    other = f"{engine.index}x"
    engine.documents.create(other, SPEC)

    try:
        with pytest.raises(IndexNotFound):
            engine.documents.write(engine.index, [SECOND], generation=f"{other}-000001")
    finally:
        engine.documents.drop(other)


def test_writing_asks_the_engine_no_more_than_it_has_to(rest: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    rest.load(FIRST)
    client = connect(rest.url)
    asked: list[str] = []
    perform = client.transport.perform_request

    def counting(method: str, url: str, **more: Any) -> Any:
        asked.append(f"{method} {url.rpartition('/')[2]}")
        return perform(method, url, **more)

    monkeypatch.setattr(client.transport, "perform_request", counting)
    documents = OpenSearchDocuments(client)

    documents.write(rest.index, [SECOND])
    documents.versions(rest.index, generation=f"{rest.index}-000001")
    (told,) = documents.generations(rest.index, counted=False)

    assert asked == ["GET _mapping", "POST _bulk", "GET _mapping", "POST _refresh", "POST _search", "GET _mapping",
                     f"GET {rest.index}"]  # fmt: skip
    assert (told.documents, told.live) == (None, True)


def test_a_second_generation_is_filled_beside_the_live_one_and_takes_its_place(engine: Engine) -> None:
    engine.load(FIRST)
    engine.documents.set_ranking(engine.index, {"w": 1})

    begun = engine.documents.begin_generation(engine.index, WIDER)
    wide = document("wide", "one", vectors=[(1.0,) + (0.0,) * 7])
    assert engine.documents.write(engine.index, [wide], generation=begun.name) == []
    engine.documents.refresh(engine.index)
    assert names(engine.search("one", vector=EAST).lexical) == [FIRST.id]
    both = engine.documents.generations(engine.index)
    assert [(each.name[-6:], each.documents, each.live) for each in both] == [("000001", 1, True), ("000002", 1, False)]
    assert both[1].kept.ranking == {"w": 1}

    engine.documents.promote(engine.index, begun.name)

    legs = engine.search("one", vector=(1.0,) + (0.0,) * 7)
    assert (names(legs.lexical), names(legs.dense), legs.generation) == (["wide"], ["wide"], begun.name)
    assert [each.name for each in engine.documents.generations(engine.index)] == [begun.name]
    with pytest.raises(IndexNotFound):
        engine.documents.write(engine.index, [FIRST], generation=f"{engine.index}-000001")
    assert engine.documents.names().count(engine.index) == 1


def test_a_delete_reaches_every_generation_unless_one_is_named(engine: Engine) -> None:
    engine.load(FIRST, SECOND)
    begun = engine.documents.begin_generation(engine.index, SPEC)
    engine.documents.write(engine.index, [FIRST, SECOND], generation=begun.name)

    engine.documents.delete(engine.index, [FIRST.id])
    engine.documents.delete(engine.index, ["second"], generation=begun.name)

    assert engine.documents.versions(engine.index) == {"second": "v1"}
    assert engine.documents.versions(engine.index, generation=begun.name) == {}


def test_an_index_that_takes_no_writes_says_so_and_goes_on_answering(engine: Engine) -> None:
    engine.load(FIRST)
    engine.block_writes(True)

    with pytest.raises(IndexReadOnly, match="takes no writes"):
        engine.documents.write(engine.index, [SECOND])
    with pytest.raises(IndexReadOnly, match="takes no writes"):
        engine.documents.delete(engine.index, [FIRST.id])
    assert names(engine.search("one").lexical) == [FIRST.id]

    engine.block_writes(False)
    assert engine.documents.write(engine.index, [SECOND]) == []


def test_a_faiss_field_is_refused_where_it_would_halt_the_engine(engine: Engine) -> None:
    with pytest.raises(InvalidRequest, match=r"no faiss library.*use engine lucene here"):
        engine.documents.create(engine.index, msgspec.structs.replace(SPEC, engine="faiss"))

    assert engine.index not in engine.documents.names()


@pytest.mark.parametrize("quantization", ["byte", "on_disk_4x"])
def test_quantized_vectors_find_the_same_and_come_back(rest: Engine, quantization: str) -> None:
    rest.load(FIRST, SECOND, spec=msgspec.structs.replace(SPEC, quantization=quantization))

    dense = rest.search(vector=NORTH).dense

    assert [hit.document_id for hit in dense] == ["second", FIRST.id]
    assert [hit.score for hit in dense] == pytest.approx([1.0, 0.8], abs=0.02)
    (found,) = rest.documents.read(rest.index, [FIRST.id])
    assert found.passages[1].vector == pytest.approx(BETWEEN, abs=0.01)


@pytest.mark.parametrize("after", ["none", "byte"])
def test_after_a_re_index_the_new_vectors_are_asked_in_their_own_kind(rest: Engine, after: str) -> None:
    rest.load(SECOND, spec=msgspec.structs.replace(SPEC, quantization="byte"))
    asked = (0.5994, 0.8004, 0.0, 0.0)
    for _ in range(2):
        rest.search(vector=asked)  # by now it is known that this generation takes bytes

    new = rest.documents.begin_generation(rest.index, msgspec.structs.replace(SPEC, quantization=after))
    rest.documents.write(rest.index, [SECOND], generation=new.name)
    rest.documents.promote(rest.index, new.name)
    rest.documents.refresh(rest.index)

    exact = sum(one * other for one, other in zip(asked, SECOND.passages[0].vector, strict=True)) / math.hypot(*asked)
    found = rest.search(vector=asked)
    assert found.missing == ()
    assert found.dense[0].score == pytest.approx(exact, abs=1e-5 if after == "none" else 0.02)


@pytest.mark.parametrize("language", ["german", "cjk", "standard", "french"])
def test_an_index_has_the_analyzer_of_its_language(local: Engine, language: str) -> None:
    local.load(document("d", "Häuser 検索 maisons"), spec=msgspec.structs.replace(SPEC, language=language))

    assert names(local.search("Häuser").lexical) == ["d"]
    assert bool(local.search("Haus").lexical) == (language == "german")


def test_an_index_of_another_mapping_is_named_with_what_brings_it_to_this_one(rest: Engine) -> None:
    client = connect(rest.url)
    client.indices.create(index=f"{rest.index}-000001", body={"aliases": {rest.index: {}}})

    try:
        with pytest.raises(InvalidRequest, match=rf"slipstream index reindex {rest.index}"):
            rest.search("x", vector=EAST)
    finally:
        client.indices.delete(index=f"{rest.index}-000001")

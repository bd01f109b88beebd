"""Searches while documents are replaced and generations are swapped: what a reader may never see."""

from __future__ import annotations

import threading
from collections.abc import Callable

from slipstream.retrieval.search import Legs
from tests.contract.search.engines import EAST, SPEC, Engine, document

REPLACEMENTS = 40


def watched(engine: Engine, change: Callable[[], None]) -> list[Legs | Exception]:
    """What a reader saw that searched all the time while ``change`` ran."""
    seen: list[Legs | Exception] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                seen.append(engine.search("needle", vector=EAST))
            except Exception as error:
                seen.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        change()
    finally:
        done.set()
        for reader in readers:
            reader.join()
    return seen


def test_a_reader_never_sees_two_versions_of_a_document_or_none(engine: Engine) -> None:
    def nth(n: int) -> list[str]:
        return [f"needle {n}"] * (2 + n % 2)

    def written(n: int) -> None:
        vectors = [EAST] * len(nth(n))
        assert engine.documents.write(engine.index, [document("d", *nth(n), vectors=vectors, version=f"v{n}")]) == []
        engine.documents.refresh(engine.index)

    engine.load(document("d", *nth(0), vectors=[EAST] * 2, version="v0"))

    def change() -> None:
        for n in range(1, REPLACEMENTS):
            written(n)

    seen = watched(engine, change)

    assert [each for each in seen if isinstance(each, Exception)] == []
    for legs in seen:
        assert isinstance(legs, Legs)
        found = [hit for leg in (legs.lexical, legs.dense) for hit in leg]
        assert len({(hit.version, hit.text) for hit in found}) == 1
        assert len(legs.lexical) in (0, 1)
        assert len(legs.dense) in (0, 1)
        assert found[0].text == f"needle {found[0].version[1:]}"


def test_a_swap_fails_no_query_and_shows_no_document_twice_or_not_at_all(engine: Engine) -> None:
    documents = [document(f"d{n}", "needle", vectors=[EAST]) for n in range(10)]
    engine.load(*documents)

    def swap() -> None:
        for _ in range(6):
            begun = engine.documents.begin_generation(engine.index, SPEC)
            assert engine.documents.write(engine.index, documents, generation=begun.name) == []
            engine.documents.promote(engine.index, begun.name)

    seen = watched(engine, swap)

    assert [each for each in seen if isinstance(each, Exception)] == []
    for legs in seen:
        assert isinstance(legs, Legs)
        assert legs.missing == ()
        for leg in (legs.lexical, legs.dense):
            assert sorted(hit.document_id for hit in leg) == [f"d{n}" for n in range(10)]

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cli.tuning_apply import change
from slipstream.errors import InvalidRequest, SlipstreamError
from slipstream.fakes.passage_index import MemoryIndex
from slipstream.retrieval.document import Document, Passage
from slipstream.retrieval.ports import IndexSpec
from slipstream.retrieval.tuning.choice import Measured, Recommendation
from slipstream.retrieval.tuning.footprint import Fleet

NOW = IndexSpec(dimensions=2)


@pytest.fixture
def index() -> MemoryIndex:
    memory = MemoryIndex()
    memory.create("docs", NOW)
    memory.write("docs", [Document(f"d{n}", "", f"v{n}", (Passage(0, "x", 0, 1, (), (0.6, 0.8)),)) for n in range(40)])
    return memory


def recommended(spec: IndexSpec, *, meets: bool = True) -> Recommendation:
    return Recommendation(Measured(spec, 1.0, 1.0, 1.0, 1.0, "engine", 1.0, Fleet("t3", 1, 10, 1.0)), meets, "")


def applied(index: MemoryIndex, found: Recommendation) -> tuple[dict[str, Any], list[tuple[str, int, int]]]:
    told: list[tuple[str, int, int]] = []
    return change(index, "docs", NOW, found, lambda *each: told.append(each)), told


def test_another_spec_becomes_the_live_generation_with_all_documents(index: MemoryIndex) -> None:
    spec = msgspec.structs.replace(NOW, m=32)

    done, told = applied(index, recommended(spec))

    (after,) = index.generations("docs")
    assert (done["changed"], done["generation"]) == (True, after.name)
    assert (after.spec, after.documents, after.live) == (spec, 40, True)
    assert told[-1] == ("re-indexing", 40, 40)


@pytest.mark.parametrize(
    ("found", "said"),
    [(recommended(NOW), "is what is recommended"),
     (recommended(msgspec.structs.replace(NOW, m=32), meets=False), "does not reach the targets")],
    ids=["the same", "a target missed"],
)  # fmt: skip
def test_nothing_is_changed_without_a_reason(index: MemoryIndex, found: Recommendation, said: str) -> None:
    done, _ = applied(index, found)

    assert done["changed"] is False
    assert said in done["did"]
    assert [each.name for each in index.generations("docs")] == ["docs-000001"]


def test_faiss_is_refused_where_the_engine_has_none_and_the_index_stays(index: MemoryIndex) -> None:
    with pytest.raises(InvalidRequest, match="faiss"):
        applied(index, recommended(msgspec.structs.replace(NOW, engine="faiss")))

    assert [each.name for each in index.generations("docs")] == ["docs-000001"]


def test_vectors_are_never_made_anew(index: MemoryIndex) -> None:
    with pytest.raises(SlipstreamError, match="has no vector of another-model"):
        applied(index, recommended(msgspec.structs.replace(NOW, embedding_model="another-model")))

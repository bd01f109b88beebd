"""A retriever remembers what stands behind an index's name; the name may move on at any time."""

from __future__ import annotations

from threading import Event

import pytest

from slipstream.chat.retrieval_options import DEFAULTS, RetrievalOptions
from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import ClientGone, InvalidRequest, PermissionDenied, SlipstreamError, Throttled
from slipstream.fakes.embedder import HashingEmbedder
from slipstream.fakes.passage_index import MemoryIndex
from slipstream.gateway.grounding import search_report
from slipstream.models.embedding import EmbeddingCall, Embeddings
from slipstream.retrieval.ports import IndexSpec
from slipstream.retrieval.ranking import Found
from slipstream.retrieval.reindex import begin, step
from slipstream.retrieval.rerank import LocalReranker
from slipstream.retrieval.retrieve import Retriever
from slipstream.retrieval.search import EngineQuery, Legs
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.retrieval.loading import Desk, resolve
from tests.unit.retrieval.memory_index import SPEC

OTHER_MODEL = "cohere.embed-v4:0"
TEXTS = {f"{n}.md": f"# Page {n}\n\nThe heron on page {n} fishes." for n in range(5)}


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.load(TEXTS)
    return made


def retriever(desk: Desk) -> tuple[Retriever, HashingEmbedder]:
    asked = HashingEmbedder()
    return Retriever(index=desk.index, embedder=asked, target=resolve), asked


def find(retriever: Retriever) -> Found:
    return retriever.find("docs", "heron", (), DEFAULTS, Waterfall(), NEVER)


def reindex(desk: Desk, spec: IndexSpec) -> None:
    begin(desk.index, "docs", spec)
    step(desk.index, "docs", desk.embedder, resolve, sleep=desk.slept.append)


def test_a_question_right_after_a_swap_to_another_size_is_answered_by_both_legs(desk: Desk) -> None:
    finds, asked = retriever(desk)
    find(finds)
    reindex(desk, IndexSpec(dimensions=512))

    found = find(finds)

    assert (found.generation, found.missing) == ("docs-000002", ())
    assert {one.hit.document_id for one in found.passages} == set(TEXTS)
    assert all(one.stages["cosine"] for one in found.passages)
    assert [call.dimensions for call in asked.calls] == [256, 512]


def test_a_question_right_after_a_swap_to_another_model_of_the_same_size_is_embedded_by_it(desk: Desk) -> None:
    finds, asked = retriever(desk)
    find(finds)
    reindex(desk, IndexSpec(embedding_model=OTHER_MODEL, dimensions=SPEC.dimensions))

    found = find(finds)
    find(finds)

    assert found.generation == "docs-000002"
    first, second = asked.calls
    assert SPEC.embedding_model in first.model_id
    assert OTHER_MODEL in second.model_id


def test_a_swap_for_the_engine_s_sake_costs_no_vector(desk: Desk) -> None:
    finds, asked = retriever(desk)
    find(finds)
    reindex(desk, IndexSpec(dimensions=SPEC.dimensions, m=32))

    assert find(finds).generation == "docs-000002"
    assert len(asked.calls) == 1


def test_a_second_look_that_came_too_late_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    finds, _ = retriever(desk)
    in_time = find(finds)
    monkeypatch.setattr(LocalReranker, "scores", lambda *asked: None)

    late = find(finds)

    assert (in_time.missing, late.missing) == ((), ("rerank",))
    assert all("reranked" not in one.stages for one in late.passages)


class Failing(HashingEmbedder):
    """Embeds nothing."""

    def __init__(self, error: SlipstreamError) -> None:
        super().__init__()
        self.error = error

    def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
        raise self.error


@pytest.mark.parametrize(
    ("error", "note"),
    [
        (PermissionDenied("allow bedrock:InvokeModel"), "dense: permission_denied: allow bedrock:InvokeModel"),
        (Throttled("later"), "dense: rate_limit_exceeded: later"),
        (InvalidRequest("'heron' is no input"), "dense: invalid_request"),
    ],
)
def test_why_there_is_no_vector_is_told_without_the_question_s_words(
    desk: Desk, error: SlipstreamError, note: str
) -> None:
    found = find(Retriever(index=desk.index, embedder=Failing(error), target=resolve))

    assert (found.missing, found.notes) == (("dense",), (note,))
    assert {one.hit.document_id for one in found.passages} == set(TEXTS)
    assert search_report(found)["notes"] == [note]


def test_a_vector_that_is_late_is_told_with_its_limit(desk: Desk) -> None:
    ends = Event()

    class Late(HashingEmbedder):
        def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
            ends.wait()
            return super().embed(call, waterfall, disconnect)

    found = find(Retriever(index=desk.index, embedder=Late(), target=resolve, embed_limit_s=0.01))
    ends.set()

    assert (found.missing, found.notes) == (("dense",), ("dense: the question's vector took longer than 0.01 s",))


def test_a_caller_who_hangs_up_while_its_question_is_embedded_ends_the_search(desk: Desk) -> None:
    with pytest.raises(ClientGone):
        find(Retriever(index=desk.index, embedder=Failing(ClientGone("gone")), target=resolve))


def test_what_is_wrong_with_a_question_is_told_and_not_asked_twice(desk: Desk) -> None:
    searched: list[EngineQuery] = []

    class Refusing(MemoryIndex):
        def search(self, index: str, query: EngineQuery, waterfall: Waterfall, disconnect: Disconnect) -> Legs:
            searched.append(query)
            raise InvalidRequest("more than 16 filters")

    index = Refusing()
    index.create("docs", SPEC)

    with pytest.raises(InvalidRequest, match="16 filters"):
        find(Retriever(index=index, embedder=desk.embedder, target=resolve))
    assert len(searched) == 1


@pytest.mark.parametrize(
    ("deployment", "request_s", "asked"), [(1000, None, 1000), (1000, 250, 250), (1000, 5000, 5000), (None, None, None)]
)
def test_a_leg_s_limit_is_the_request_s_or_else_the_deployment_s(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, deployment: int | None, request_s: int | None, asked: int | None
) -> None:
    limits: list[int | None] = []
    search = desk.index.search

    def seen(index: str, query: EngineQuery, waterfall: Waterfall, disconnect: Disconnect) -> Legs:
        limits.append(query.timeout_ms)
        return search(index, query, waterfall, disconnect)

    monkeypatch.setattr(desk.index, "search", seen)
    finds = Retriever(index=desk.index, embedder=desk.embedder, target=resolve, leg_timeout_ms=deployment)

    finds.find("docs", "heron", (), RetrievalOptions(leg_timeout_ms=request_s), Waterfall(), NEVER)

    assert limits == [asked]

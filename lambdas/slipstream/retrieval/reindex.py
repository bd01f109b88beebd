"""A new generation beside the live one, filled from what is stored, then swapped in; loads go on meanwhile.

Done in steps of bounded time, each of which finds out for itself what is left, so that a caller may be killed, or be a
function with half a minute, and nothing is lost. Loads put each document into every generation, the live one first
(`ingest`), and look for generations that have begun when they have written. A copy never replaces what a load has put
there, and the swap waits until both generations hold the same versions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from slipstream.errors import SlipstreamError, UpstreamError
from slipstream.models.embedding import Embedder
from slipstream.models.targets import Target
from slipstream.retrieval.document import Document
from slipstream.retrieval.passage_vectors import PassageVectors
from slipstream.retrieval.ports import DocumentIndex, Generation, IndexSpec
from slipstream.retrieval.writing import Writing

BATCH = 32
"""Documents that are read, embedded and written together."""


class ReindexUnderWay(SlipstreamError):
    """Another re-index, to another spec, has begun and is not finished."""

    http_status, code = 409, "reindex_under_way"
    bedrock_type, openai_type = "ConflictException", "invalid_request_error"


class Step(msgspec.Struct, frozen=True):
    """How far a re-index has come. ``generation`` is the new one; it is live once ``finished``."""

    generation: str
    documents: int
    left: int
    finished: bool


def begin(index: DocumentIndex, name: str, spec: IndexSpec) -> Generation:
    """The generation that is being filled: the one under way if it has this spec, else a new one.

    Raises IndexNotFound, ReindexUnderWay, InvalidRequest (a spec that the engine refuses).
    """
    beside = _beside(index.generations(name))
    if beside is None:
        return index.begin_generation(name, spec)
    if beside.spec != spec:
        raise ReindexUnderWay(
            f"'{beside.name}' is being filled with another spec: finish it with `slipstream index reindex {name} "
            "--resume` first",
        )
    return beside


def under_way(index: DocumentIndex, name: str) -> Generation | None:
    """The generation that is being filled, or None. Raises IndexNotFound."""
    return _beside(index.generations(name))


def step(
    index: DocumentIndex,
    name: str,
    embedder: Embedder,
    resolve: Callable[[str], Target],
    *,
    deadline_s: float | None = None,
    side_by_side: int = 8,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Step:
    """Copy until ``deadline_s`` (of the monotonic clock) or until both generations are equal, then swap.

    Raises what the engine or the model says; what was copied stays, and the next step goes on from there.
    """
    generations = index.generations(name)
    live = next(generation for generation in generations if generation.live)
    beside = _beside(generations)
    if beside is None:
        return Step(live.name, live.documents or 0, 0, True)
    copying = _Copying(index, name, live, beside, sleep)
    while True:
        there, here = index.versions(name, generation=live.name), index.versions(name, generation=beside.name)
        gone = [document_id for document_id in here if document_id not in there]
        differing = [document_id for document_id, version in there.items() if here.get(document_id) != version]
        if not gone and not differing:
            index.promote(name, beside.name)
            return Step(beside.name, len(there), 0, True)
        if gone:
            copying.delete(gone)
        for at in range(0, len(differing), BATCH):
            if at and deadline_s is not None and clock() >= deadline_s:
                return Step(beside.name, len(there), len(differing) - at, False)
            ids = differing[at : at + BATCH]
            vectors = PassageVectors(embedder, resolve, side_by_side=side_by_side, sleep=sleep, clock=clock)
            try:
                copying.copy([i for i in ids if i not in here], vectors, if_absent=True)
                copying.copy([i for i in ids if i in here], vectors, if_absent=False)
            finally:
                vectors.close()
        if deadline_s is not None and clock() >= deadline_s:
            return Step(beside.name, len(there), 0, False)


class _Copying:
    """From the live generation into the one beside it."""

    def __init__(
        self, index: DocumentIndex, name: str, live: Generation, beside: Generation, sleep: Callable[[float], None]
    ) -> None:
        self._index = index
        self._name = name
        self._live = live
        self._beside = beside
        self._writing = Writing(index, name, sleep=sleep)
        self._same_vectors = live.spec.vector_space == beside.spec.vector_space

    def copy(self, document_ids: Sequence[str], vectors: PassageVectors, *, if_absent: bool) -> None:
        """Documents that have left meanwhile are left out. Raises UpstreamError where the engine refuses one."""
        documents = self._writing.read(document_ids, self._live.name) if document_ids else []
        if not self._same_vectors:
            documents = self._embedded(documents, vectors)
        if not documents:
            return
        self._writing.learn(documents)
        refused = self._writing.write(documents, self._beside.name, if_absent=if_absent)
        if refused:
            raise UpstreamError(
                f"the new generation refused '{refused[0].document_id}': {refused[0].reason}", code="refused"
            )

    def delete(self, document_ids: Sequence[str]) -> None:
        """What has left the live generation."""
        self._writing.delete(document_ids, self._beside.name)

    def _embedded(self, documents: Sequence[Document], vectors: PassageVectors) -> list[Document]:
        asked = [vectors.of(document, self._beside.spec, {})[0] for document in documents]
        vectors.flush()
        return [
            msgspec.structs.replace(
                document,
                passages=tuple(
                    msgspec.structs.replace(passage, vector=future.result())
                    for passage, future in zip(document.passages, futures, strict=True)
                ),
            )
            for document, futures in zip(documents, asked, strict=True)
        ]


def _beside(generations: Sequence[Generation]) -> Generation | None:
    """The newest generation, where it is not the live one."""
    return None if not generations or generations[-1].live else generations[-1]

"""A new generation beside the live one, filled from what is stored, then swapped in; loads go on meanwhile.

Done in steps of bounded time, each of which finds out for itself what is left, so that a caller may be killed, or be a
function with half a minute, and nothing is lost. Loads put each document into every generation, the live one first
(`ingest`), and look for generations that have begun when they have written. A copy never replaces what a load has put
there, and the swap waits until both generations hold the same versions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as NotInTime
from contextlib import closing

import msgspec

from slipstream.errors import SlipstreamError, UpstreamError
from slipstream.models.embedding import Embedder
from slipstream.models.targets import Target
from slipstream.retrieval.document import Document
from slipstream.retrieval.passage_vectors import PassageVectors
from slipstream.retrieval.ports import DocumentIndex, Generation, IndexSpec
from slipstream.retrieval.writing import LAST_WRITES_S, Writing

READ = 20
"""Documents that are read together; their passages are all on their way to the model at once."""
BATCH_PASSAGES = 128
"""Written together: a step that is out of time loses no more than this of what it has embedded."""


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
    """Copy until ``deadline_s`` (of ``clock``) or until both generations are equal, then swap.

    Raises what the engine or the model says; what was copied stays, and the next step goes on from there.
    """
    generations = index.generations(name)
    live = next(generation for generation in generations if generation.live)
    beside = _beside(generations)
    if beside is None:
        return Step(live.name, live.documents or 0, 0, True)

    def vectors() -> PassageVectors:
        return PassageVectors(
            embedder, resolve, side_by_side=side_by_side, deadline_s=deadline_s, sleep=sleep, clock=clock
        )

    last_s = None if deadline_s is None else deadline_s + LAST_WRITES_S
    writing = Writing(index, name, deadline_s=last_s, sleep=sleep, clock=clock)
    copying = _Copying(writing, live, beside, vectors, lambda: deadline_s is not None and clock() >= deadline_s)
    while True:
        there, here = index.versions(name, generation=live.name), index.versions(name, generation=beside.name)
        gone = [document_id for document_id in here if document_id not in there]
        differing = [document_id for document_id, version in there.items() if here.get(document_id) != version]
        if not gone and not differing:
            index.promote(name, beside.name)
            return Step(beside.name, len(there), 0, True)
        if gone:
            writing.delete(gone, beside.name)
        copying.copied = 0
        try:
            copying.copy(differing, here)
        except NotInTime:
            return Step(beside.name, len(there), len(differing) - copying.copied, False)


class _Copying:
    """From the live generation into the one beside it. ``copied`` counts documents."""

    def __init__(
        self,
        writing: Writing,
        live: Generation,
        beside: Generation,
        vectors: Callable[[], PassageVectors],
        is_late: Callable[[], bool],
    ) -> None:
        self._writing = writing
        self._live = live
        self._beside = beside
        self._vectors = vectors
        self._is_late = is_late
        self._same_vectors = live.spec.vector_space == beside.spec.vector_space
        self.copied = 0

    def copy(self, document_ids: Sequence[str], here: Mapping[str, str]) -> None:
        """``here``: what the generation beside has of them. Documents that have left meanwhile are left out.

        Raises TimeoutError where time is up: what is complete by then is written. Raises UpstreamError where the
        engine refuses a document.
        """
        for at in range(0, len(document_ids), READ):
            ids = document_ids[at : at + READ]
            self._some([i for i in ids if i not in here], if_absent=True)
            self._some([i for i in ids if i in here], if_absent=False)
        if self._is_late():
            raise NotInTime

    def _some(self, document_ids: Sequence[str], *, if_absent: bool) -> None:
        documents = self._writing.read(document_ids, self._live.name) if document_ids else []
        if not documents:
            return
        with closing(self._vectors()) as vectors:
            for batch in [documents] if self._same_vectors else self._embedded(documents, vectors):
                self._writing.learn(batch)
                refused = self._writing.write(batch, self._beside.name, if_absent=if_absent)
                if refused:
                    raise _refusal(refused[0].document_id, refused[0].reason)
                self.copied += len(batch)
                if self._is_late():
                    raise NotInTime

    def _embedded(self, documents: Sequence[Document], vectors: PassageVectors) -> Iterator[list[Document]]:
        """Batches whose passages have their vectors; the last one may be cut short by the deadline, which it tells."""
        for document in documents:
            if why := self._writing.unfit(document, self._beside):
                raise _refusal(document.id, why)
        asked = [vectors.of(document, self._beside.spec, {})[0] for document in documents]
        vectors.flush()
        ready: list[Document] = []
        try:
            for document, futures in zip(documents, asked, strict=True):
                pairs = zip(document.passages, [future.result() for future in futures], strict=True)
                passages = tuple(msgspec.structs.replace(passage, vector=vector) for passage, vector in pairs)
                ready.append(msgspec.structs.replace(document, passages=passages))
                if sum(len(each.passages) for each in ready) >= BATCH_PASSAGES:
                    yield ready
                    ready = []
        except NotInTime:
            if ready:
                yield ready
            raise
        if ready:
            yield ready


def _refusal(document_id: str, why: str) -> UpstreamError:
    return UpstreamError(f"the new generation refused '{document_id}': {why}", code="refused")


def _beside(generations: Sequence[Generation]) -> Generation | None:
    """The newest generation, where it is not the live one."""
    return None if not generations or generations[-1].live else generations[-1]

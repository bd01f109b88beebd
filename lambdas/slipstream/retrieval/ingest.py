"""Keeps an index equal to its sources: what is new or changed is parsed, cut, embedded and written, the rest is not.

The index itself says what is done: a document that stands there in its version needs no work, so a load that was
killed goes on where it stopped when it is run again. Documents go into every generation of the index, each with
vectors of its own spec, so that a re-index beside a load loses nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from contextlib import suppress

import msgspec

from slipstream.errors import IndexNotFound, InvalidRequest, SlipstreamError, UnreadableDocument
from slipstream.models.embedding import Embedder
from slipstream.models.targets import Target
from slipstream.retrieval.chunking import chunk
from slipstream.retrieval.document import Document, embedding_text
from slipstream.retrieval.drafts import Draft, Refused
from slipstream.retrieval.holders import Holders
from slipstream.retrieval.ingest_report import Failure, Report, failure
from slipstream.retrieval.passage_vectors import PassageVectors, Vector
from slipstream.retrieval.ports import DocumentIndex, Generation, Held, IndexSpec
from slipstream.retrieval.writing import LAST_WRITES_S, Writing

EVERYTHING = ""
"""As ``remove_missing``: whatever the load did not see leaves the index."""
Progress = Callable[[Report], None]


class Pace(msgspec.Struct, frozen=True):
    """How much is under way at once; bounds memory, and what a killed load has to do again."""

    side_by_side: int = 8
    """Embedding calls."""
    passages: int = 512
    """Waiting for their vectors."""
    window: int = 64
    """Documents whose versions are looked up together."""
    window_bytes: int = 32_000_000
    batch_passages: int = 400
    """Written in one call."""
    most_passages: int = 20_000
    """Of one document."""


USUAL_PACE = Pace()


class _Pending(msgspec.Struct):
    """A document on its way, and its vectors to come, a list for each generation."""

    document: Document
    was_there: bool
    generations: frozenset[str]
    """That have it or for which it is on its way; one that begins later still lacks it."""
    vectors: dict[str, list[Future[Vector]]] = {}
    counted: bool = False
    replaces: bool = False
    """As its draft says."""


_Ready = tuple[_Pending, dict[str, Document]]
"""A document, and what each generation is to have of it."""


class Ingestion:
    """Loads into one index. Not for several threads at once; any number of loads may run beside each other."""

    def __init__(
        self,
        index: DocumentIndex,
        name: str,
        embedder: Embedder,
        resolve: Callable[[str], Target],
        *,
        pace: Pace = USUAL_PACE,
        is_gone: Callable[[str], bool] = lambda origin: False,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``is_gone``: see Holders."""
        self._index = index
        self._name = name
        self._embedder = embedder
        self._resolve = resolve
        self._pace = pace
        self._holders = Holders(is_gone)
        self._sleep = sleep
        self._clock = clock
        self._pending: deque[_Pending] = deque()
        self._waiting_passages = 0
        self._ready: list[_Ready] = []
        self._ready_passages = 0

    def run(
        self,
        drafts: Iterable[Draft | Refused],
        *,
        remove_missing: str | None = None,
        progress: Progress = lambda report: None,
        deadline_s: float | None = None,
    ) -> Report:
        """Bring the index up to ``drafts``. Raises IndexNotFound; everything else is in the report.

        ``remove_missing``: an origin whose documents leave the index unless the load saw them, EVERYTHING, or None.
        ``deadline_s`` (of the monotonic clock): what is not embedded by then is reported as failed and retryable, and
        what is embedded is written no later than LAST_WRITES_S after it, but for the time that one request takes.
        """
        report, began_s = Report(failed=[]), self._clock()
        self._open(deadline_s)
        self._writing.targets()
        self._report, self._progress, self._deadline_s = report, progress, deadline_s
        seen: set[str] = set()
        kept: set[str] = set()
        try:
            for window in self._windows(self._checked(drafts, seen, kept)):
                self._take(window)
            self._finish()
            if remove_missing is not None and report.stopped is None:
                self._remove(remove_missing, seen, kept)
        except IndexNotFound:
            raise
        except SlipstreamError as error:
            report.stopped = failure(self._name, error)
            with suppress(SlipstreamError):  # what was ready is worth its place
                self._flush()
        finally:
            self._vectors.close()
            report.seconds = self._clock() - began_s
        progress(report)
        return report

    def _open(self, deadline_s: float | None) -> None:
        self._vectors = PassageVectors(
            self._embedder, self._resolve, side_by_side=self._pace.side_by_side, deadline_s=deadline_s,
            sleep=self._sleep, clock=self._clock,
        )  # fmt: skip
        last_s = None if deadline_s is None else deadline_s + LAST_WRITES_S
        self._writing = Writing(self._index, self._name, deadline_s=last_s, sleep=self._sleep, clock=self._clock)

    # -- what there is to do

    def _checked(self, drafts: Iterable[Draft | Refused], seen: set[str], kept: set[str]) -> Iterator[Draft]:
        """Drafts with ids of their own. Notes in ``kept`` origins that could not be read, whose documents stay."""
        for draft in drafts:
            if isinstance(draft, Refused):
                self._fail(failure(draft.id, draft.error))
                seen.add(draft.id)
                kept.add(draft.origin)
            elif draft.id in seen:
                self._fail(Failure(draft.id, "duplicate_id", f"the id '{draft.id}' stood in this load before, and "
                                   f"again in '{draft.origin}': give each document its own"))  # fmt: skip
            else:
                seen.add(draft.id)
                yield draft

    def _windows(self, drafts: Iterator[Draft]) -> Iterator[list[Draft]]:
        window: list[Draft] = []
        size = 0
        for draft in drafts:
            window.append(draft)
            size += draft.size_bytes
            if len(window) >= self._pace.window or size >= self._pace.window_bytes:
                yield window
                window, size = [], 0
        if window:
            yield window

    def _take(self, window: Sequence[Draft]) -> None:
        """Begin what is not in every generation in its present version."""
        targets = self._writing.targets()
        ids = [draft.id for draft in window]
        known = {target.name: self._writing.held(ids, target.name) for target in targets}
        for draft in window:
            there = {name: held[draft.id] for name, held in known.items() if draft.id in held}
            if not draft.replaces and (why := self._holders.refusal(draft.id, draft.origin, there.values())):
                self._fail(why)
                continue
            wanted = Held(draft.version, draft.origin)
            lacking = [target for target in targets if there.get(target.name) != wanted]
            if not lacking:
                self._report.unchanged += 1
                self._progress(self._report)
                continue
            if self._is_late():
                self._fail(_not_reached(draft.id))
                continue
            try:
                document = self._document(draft)
                self._check_size(document, lacking)
            except SlipstreamError as error:
                self._fail(failure(draft.id, error))
                continue
            pending = _Pending(document, bool(there), frozenset(known), replaces=draft.replaces)
            self._begin(pending, lacking)
            self._drain(self._pace.passages)

    def _document(self, draft: Draft) -> Document:
        parsed = draft.parse()
        passages = chunk(parsed.text, title=parsed.title, format=parsed.format)
        if not passages:
            raise UnreadableDocument(f"'{draft.id}' holds no text to index", code="no_text")
        if len(passages) > self._pace.most_passages:
            raise UnreadableDocument(
                f"'{draft.id}' makes {len(passages):,} passages, the limit is {self._pace.most_passages:,}: split it",
                code="document_too_large",
            )
        updated = parsed.updated_at_s if parsed.updated_at_s is not None else draft.updated_at_s
        return Document(
            id=draft.id,
            title=parsed.title,
            version=draft.version,
            passages=passages,
            source=parsed.source or draft.source,
            origin=draft.origin,
            language=parsed.language or "en",
            updated_at_s=updated,
            popularity=parsed.popularity or 0.0,
            attributes={**parsed.attributes, **draft.attributes},
        )

    def _check_size(self, document: Document, targets: Sequence[Generation]) -> None:
        """Before anything is embedded: what is refused afterwards is paid for with each load."""
        for target in targets:
            if why := self._writing.unfit(document, target):
                raise UnreadableDocument(f"'{document.id}' cannot be indexed: {why}", code="document_too_large")

    # -- vectors

    def _begin(self, pending: _Pending, targets: Sequence[Generation]) -> None:
        """Ask for the vectors that ``targets`` need; generations of one spec share them."""
        document = pending.document
        by_spec: dict[tuple[str, int], list[Future[Vector]]] = {}
        pending.vectors = {}
        pending.generations |= {target.name for target in targets}
        for target in targets:
            place = target.spec.vector_space
            if place not in by_spec:
                former = self._former(document.id, target.spec) if pending.was_there else {}
                by_spec[place], computed = self._vectors.of(document, target.spec, former)
                self._report.embedded += computed
            pending.vectors[target.name] = by_spec[place]
        self._pending.append(pending)
        self._waiting_passages += len(document.passages)

    def _former(self, document_id: str, spec: IndexSpec) -> Mapping[str, Vector]:
        """Vectors that the document has in the index, by the text that they are made of."""
        found: dict[str, Vector] = {}
        for target in self._writing.targets():
            if target.spec.vector_space == spec.vector_space:
                for old in self._writing.read([document_id], target.name):
                    found |= {embedding_text(old, passage): passage.vector for passage in old.passages}
        return found

    def _drain(self, most_passages: int) -> None:
        """Hand finished documents to be written, the oldest first, until at most so many passages wait."""
        if self._waiting_passages > most_passages:
            self._vectors.flush()
        while self._pending and self._waiting_passages > most_passages:
            pending = self._pending.popleft()
            self._waiting_passages -= len(pending.document.passages)
            try:
                ready = {name: self._with_vectors(pending, name) for name in pending.vectors}
            except NotInTime:
                self._give_up(pending, _not_reached(pending.document.id))
            except InvalidRequest as error:
                self._give_up(pending, failure(pending.document.id, error))
            else:
                self._ready.append((pending, ready))
                self._ready_passages += len(pending.document.passages)
                if self._ready_passages >= self._pace.batch_passages:
                    self._flush()

    def _with_vectors(self, pending: _Pending, generation: str) -> Document:
        vectors = []
        for future in pending.vectors[generation]:
            left_s = None if self._deadline_s is None else max(0.0, self._deadline_s - self._clock())
            vectors.append(future.result(left_s))
        passages = zip(pending.document.passages, vectors, strict=True)
        return msgspec.structs.replace(
            pending.document, passages=tuple(msgspec.structs.replace(p, vector=vector) for p, vector in passages)
        )

    def _give_up(self, pending: _Pending, why: Failure) -> None:
        for futures in pending.vectors.values():
            for future in futures:
                future.cancel()
        self._fail(why)

    # -- writing

    def _finish(self) -> None:
        while self._pending or self._ready:
            self._drain(0)
            self._flush()

    def _flush(self) -> None:
        """Write what is ready. What a generation that began meanwhile lacks is begun again for it alone."""
        batch, self._ready, self._ready_passages = self._still_free(self._ready), [], 0
        self._writing.learn(pending.document for pending, _ in batch)  # before: what stands there is not read again
        refused: set[str] = set()
        for name in {name: None for _, ready in batch for name in ready}:
            documents = [ready[name] for _, ready in batch if name in ready]
            for one in self._writing.write(documents, name) or ():
                if one.document_id not in refused:
                    late = one.retryable and self._is_late()
                    why = Failure(one.document_id, "refused", one.reason, one.retryable)
                    self._fail(_not_reached(one.document_id) if late else why)
                refused.add(one.document_id)
        written = [pending for pending, _ in batch if pending.document.id not in refused]
        self._count(written)
        targets = self._writing.targets()
        for pending in written:
            if new := [target for target in targets if target.name not in pending.generations]:
                self._begin(pending, new)

    def _still_free(self, ready: Sequence[_Ready]) -> list[_Ready]:
        """Less what another origin has put there while this was embedded: objects often come at once."""
        ids = [pending.document.id for pending, _ in ready if not pending.replaces]
        held = self._writing.held(ids, self._writing.targets()[0].name) if ids else {}
        free = []
        for pending, documents in ready:
            name, origin = pending.document.id, pending.document.origin
            if why := self._holders.refusal(name, origin, [held[name]] if name in held else []):
                self._fail(why)
            else:
                free.append((pending, documents))
        return free

    def _count(self, written: Sequence[_Pending]) -> None:
        for pending in written:
            if not pending.counted:
                self._report.passages += len(pending.document.passages)
                self._report.added += not pending.was_there
                self._report.changed += pending.was_there
                pending.counted = True
        self._progress(self._report)

    def _remove(self, origin: str, seen: set[str], kept: set[str]) -> None:
        there = self._index.versions(self._name, origin=origin or None)
        for unread in kept:
            seen |= set(self._index.versions(self._name, origin=unread))
        gone = [document_id for document_id in there if document_id not in seen]
        for at in range(0, len(gone), self._pace.window):
            self._writing.delete(gone[at : at + self._pace.window])
        self._report.deleted = len(gone)

    def _fail(self, why: Failure) -> None:
        self._report.failed.append(why)
        self._progress(self._report)

    def _is_late(self) -> bool:
        return self._deadline_s is not None and self._clock() >= self._deadline_s


def _not_reached(document_id: str) -> Failure:
    return Failure(document_id, "not_reached", "there was no time left for it in this call: send it again", True)

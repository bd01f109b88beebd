"""Objects of the documents bucket that came, changed or left → the index that their key names.

An event only says where to look: what is indexed is what the bucket holds now, looked at again after it was written.
So events may come twice, late, or in any order, and two runs over one object end with its newest version.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from slipstream.errors import IndexNotFound, SlipstreamError
from slipstream.models.embedding import Embedder
from slipstream.models.targets import Target
from slipstream.retrieval.drafts import Item, drafts
from slipstream.retrieval.failures import DeadLetters, FailureRecord, FailureStore
from slipstream.retrieval.ingest import Ingestion
from slipstream.retrieval.ingest_report import Failure, Report, failure
from slipstream.retrieval.parsing import refusals
from slipstream.retrieval.parsing.parsed import USUAL_LIMITS
from slipstream.retrieval.ports import DocumentIndex
from slipstream.retrieval.writing import Writing

MOST_ROUNDS = 5
"""An object that changes faster than it is loaded is left to its next event."""


class StoredObject(msgspec.Struct, frozen=True):
    """An object as it lies there now; ``tag`` is another one whenever its bytes are."""

    tag: str
    size_bytes: int
    content_type: str = ""
    updated_at_s: float | None = None


class ObjectStore(Protocol):
    """The bucket."""

    def look(self, bucket: str, key: str) -> StoredObject | None:
        """What is there now, or None. Raises PermissionDenied, UpstreamUnavailable."""
        ...

    def read(self, bucket: str, key: str) -> bytes:
        """The object's bytes. Raises UnreadableDocument where it is gone, PermissionDenied, UpstreamUnavailable."""
        ...


class Message(msgspec.Struct, frozen=True):
    """One message of the queue."""

    id: str
    body: str


class Place(msgspec.Struct, frozen=True):
    """Where an object is. Its key's first part is the index, the rest the document's id."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """As documents name their origin."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def index(self) -> str:
        """Empty for an object that lies in no folder."""
        return self.key.partition("/")[0] if "/" in self.key else ""

    @property
    def document_id(self) -> str:
        """Of an object with one document; empty for a folder's own mark."""
        return "" if self.key.endswith("/") else self.key.partition("/")[2]


class _Named(msgspec.Struct):
    name: str


class _Keyed(msgspec.Struct):
    key: str


class _Detail(msgspec.Struct):
    bucket: _Named
    object: _Keyed


class _Event(msgspec.Struct):
    detail: _Detail


def place_of(body: str) -> Place:
    """The object that EventBridge's S3 event is about. Raises msgspec.MsgspecError for anything else."""
    detail = msgspec.json.decode(body, type=_Event).detail
    return Place(detail.bucket.name, detail.object.key)


class ObjectEvents:
    """Works through messages. ``now_s`` is Unix time, ``until_s`` (of ``clock``) when the function has to be done."""

    def __init__(
        self,
        *,
        index: DocumentIndex,
        embedder: Embedder,
        resolve: Callable[[str], Target],
        objects: ObjectStore,
        failures: FailureStore,
        dead_letters: DeadLetters,
        now_s: Callable[[], float],
        clock: Callable[[], float],
        log: Callable[..., None] = lambda *_, **__: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._index = index
        self._embedder = embedder
        self._resolve = resolve
        self._objects = objects
        self._failures = failures
        self._dead_letters = dead_letters
        self._now_s = now_s
        self._clock = clock
        self._log = log
        self._sleep = sleep

    def work(self, messages: Sequence[Message], until_s: float) -> list[str]:
        """Ids of the messages that are to be tried again. One object's messages are one piece of work."""
        again: list[str] = []
        by_place: dict[Place, list[Message]] = {}
        for message in messages:
            try:
                by_place.setdefault(place_of(message.body), []).append(message)
            except (msgspec.MsgspecError, UnicodeError):
                self._log("unreadable message", message_id=message.id)
                again.append(message.id)  # it ends with the dead letters by itself
        for place, group in by_place.items():
            if self._clock() >= until_s or not self._settle(place, group[0], until_s):
                again += [message.id for message in group]
        return again

    def _settle(self, place: Place, message: Message, until_s: float) -> bool:
        """Whether the object's messages are done with: it is indexed, gone, or buried with its reason."""
        if not place.index or not place.document_id:
            self._log("not below an index", origin=place.uri)
            return True
        try:
            failed = self._newest(place, until_s)
        except SlipstreamError as error:
            failed = [failure(place.uri, error)]
        except Exception as error:  # whatever it is, the other objects of the batch are none of its business
            failed = [_unexpected(place, error)]
        try:
            return self._note(place, message, failed)
        except Exception as error:
            self._log("not noted", origin=place.uri, kind=type(error).__name__)
            return False

    def _note(self, place: Place, message: Message, failed: Sequence[Failure]) -> bool:
        """Keep what became of the object where operators look for it; whether its messages are done with."""
        if not failed:
            self._failures.remove(place.index, place.uri)
            return True
        # What may go well later is tried again; the queue itself buries it after its last attempt.
        worst = next((each for each in failed if each.retryable), failed[0])
        record = FailureRecord(
            index=place.index, origin=place.uri, code=worst.code, reason=worst.reason, retryable=worst.retryable,
            at_s=int(self._now_s()), documents=len(failed),
        )  # fmt: skip
        self._log("not loaded", **msgspec.to_builtins(record))
        self._failures.put(record)
        if not worst.retryable:
            self._dead_letters.bury(message.body, record)
        return not worst.retryable

    def _newest(self, place: Place, until_s: float) -> list[Failure]:
        """Load or remove what is there now, until it is what was looked at before."""
        found = self._objects.look(place.bucket, place.key)
        for _ in range(MOST_ROUNDS):
            failed = self._remove(place, until_s) if found is None else self._load(place, found, until_s)
            after = self._objects.look(place.bucket, place.key)
            if after == found:
                return failed
            found = after
        return [Failure(place.uri, "changes_too_fast", "the object changed while it was loaded", retryable=True)]

    def _load(self, place: Place, found: StoredObject, until_s: float) -> list[Failure]:
        if found.size_bytes > USUAL_LIMITS.max_bytes:
            raise refusals.too_large(f"'{place.document_id}'", found.size_bytes, USUAL_LIMITS.max_bytes, "bytes")
        item = Item(
            id=place.document_id,
            origin=place.uri,
            read=lambda: self._objects.read(place.bucket, place.key),
            source=place.uri,
            content_type=found.content_type,
            updated_at_s=found.updated_at_s,
        )
        ingestion = Ingestion(
            self._index, place.index, self._embedder, self._resolve, sleep=self._sleep, clock=self._clock,
            is_gone=lambda origin: self._is_gone(place, origin),
        )  # fmt: skip
        report = ingestion.run(drafts([item]), remove_missing=place.uri, deadline_s=until_s)
        self._tell(place, report)
        return [*report.failed, *([report.stopped] if report.stopped else [])]

    def _remove(self, place: Place, until_s: float) -> list[Failure]:
        writing = Writing(self._index, place.index, deadline_s=until_s, sleep=self._sleep, clock=self._clock)
        try:
            ids = list(self._index.versions(place.index, origin=place.uri))
            writing.delete(ids)
        except IndexNotFound:
            return []  # nothing of it can be left
        self._log("removed", origin=place.uri, documents=len(ids))
        return []

    def _is_gone(self, place: Place, origin: str) -> bool:
        """Whether ``origin`` is an object that left the bucket: of a renamed one, either event may come first."""
        prefix = Place(place.bucket, "").uri
        return origin.startswith(prefix) and self._objects.look(place.bucket, origin.removeprefix(prefix)) is None

    def _tell(self, place: Place, report: Report) -> None:
        self._log(
            "loaded", origin=place.uri, added=report.added, changed=report.changed, unchanged=report.unchanged,
            deleted=report.deleted, failed=len(report.failed), passages=report.passages, embedded=report.embedded,
            seconds=round(report.seconds, 3),
        )  # fmt: skip


def _unexpected(place: Place, error: Exception) -> Failure:
    """By its kind alone: what it says may hold a document's text."""
    kind = type(error).__name__
    reason = f"an unexpected {kind}: it is tried again, and if it stays it is a defect to report"
    return Failure(place.uri, "internal_error", reason, retryable=True)

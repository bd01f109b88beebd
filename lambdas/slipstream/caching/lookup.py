"""One look-up in the store: an answer that may be served, a lease of one's own, or neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from slipstream.beside import Beside
from slipstream.caching.bodies import Remembered
from slipstream.caching.entry import FORMAT, Body, CorruptEntry, unpack
from slipstream.caching.hit import Hit
from slipstream.caching.store import (
    AnswerStore,
    DocumentVersion,
    Head,
    Lease,
    Mark,
    Place,
    Wanted,
    any_ended,
    of_index,
)  # fmt: skip

Marks = Mapping[tuple[str, str], Mark]


class Looked(msgspec.Struct, frozen=True):
    """What came of it. ``lease``: another's that may be waited for; ``mine``: it is the asker's own.

    ``dropped`` counts entries that were found broken, or resting on what has changed, and were removed.
    """

    hit: Hit | None = None
    lease: Lease | None = None
    mine: bool = False
    dropped: str | None = None
    stands: bool = False
    """Of ``standing``: an answer is kept there, be it one that is not wanted now."""


class Lookup:
    """Looks places up. Everything here may raise what the store raises."""

    def __init__(self, store: AnswerStore, remembered: Remembered, clock: Callable[[], float]) -> None:
        """``clock`` gives Unix time (s)."""
        self._store = store
        self._remembered = remembered
        self._beside = Beside()  # its own: look-ups run on another one, and wait for this
        self._clock = clock

    def look(self, place: Place, wanted: Wanted) -> Looked:
        """The answer, or the lease. One round trip for what is remembered, and for what is not there."""
        found = self._remembered_one(place, wanted)
        return found if found.hit is not None else self._claim(place, wanted, found.dropped)

    def standing(self, place: Place, wanted: Wanted) -> Looked:
        """The answer that is kept at a place, on one consistent read; nothing is taken."""
        found = self._remembered_one(place, wanted)
        if found.hit is not None or found.dropped is not None:
            return found
        seen = self._store.read(place, with_body=True)
        if seen.head is None or seen.head.expires_s <= wanted.now_s:
            return Looked()
        return self._fetch(place, seen.head) if wanted.takes(seen.head) else Looked(stands=True)

    def _remembered_one(self, place: Place, wanted: Wanted) -> Looked:
        """The answer whose body is remembered, if it still stands; it is read without the body then."""
        known = self._remembered.get(place)
        if known is None:
            return Looked()
        marks = self._beside.start(lambda: self._marks(known[1])) if known[1] else None
        seen = self._store.read(place, with_body=False)
        if seen.head is not None and seen.head.checksum == known[0].checksum and wanted.takes(seen.head):
            return self._serve(place, seen.head, known[0], marks.result() if marks else {})
        self._remembered.forget(place)
        return Looked()

    def again(self, place: Place, wanted: Wanted) -> Looked:
        """Look without taking anything: for who waits for another's lease."""
        seen = self._store.read(place, with_body=True)
        if seen.head is not None and wanted.takes(seen.head):
            return self._fetch(place, seen.head)
        lease = seen.lease
        return Looked(lease=lease if lease is not None and wanted.respects(lease) else None)

    def has_ended(self, documents: tuple[DocumentVersion, ...], asked_s: float) -> bool:
        """Whether an answer that was asked for then, over these documents, is over."""
        if not documents:
            return False
        marks = self._marks(documents)
        return any_ended(documents, asked_s, marks)

    def _claim(self, place: Place, wanted: Wanted, dropped: str | None) -> Looked:
        seen = self._store.claim(place, wanted)
        if not seen.mine and seen.head is not None and wanted.takes(seen.head):
            found = self._fetch(place, seen.head)
            if found.hit is not None or found.dropped is None:
                return found
            dropped, seen = found.dropped, self._store.claim(place, wanted)
        return Looked(lease=None if seen.mine else seen.lease, mine=seen.mine, dropped=dropped)

    def _fetch(self, place: Place, head: Head) -> Looked:
        if head.format > FORMAT:
            return Looked(stands=True)  # who wrote it can read it: it stays
        marks = self._beside.start(lambda: self._marks(head.documents)) if head.documents else None
        body = head.body or self._store.body(place, head)
        return self._serve(place, head, body, marks.result() if marks else {})

    def _serve(self, place: Place, head: Head, body: Body | None, marks: Marks) -> Looked:
        if any_ended(head.documents, head.asked_s, marks):
            return self._drop(place, head, "changed")
        if body is None or body.checksum != head.checksum:
            return self._drop(place, head, "missing" if body is None else "corrupt")
        try:
            answered = unpack(body)
        except CorruptEntry:
            return self._drop(place, head, "corrupt")
        self._remembered.put(place, body, head.documents)
        return Looked(Hit(head, answered, max(0.0, self._clock() - head.created_s), place.key))

    def _drop(self, place: Place, head: Head, why: str) -> Looked:
        self._remembered.forget(place)
        self._store.drop(place, head.entry_id)
        return Looked(dropped=why)

    def _marks(self, documents: tuple[DocumentVersion, ...]) -> Marks:
        return self._store.marks(of_index(documents))

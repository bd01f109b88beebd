"""Answers kept in this process's memory: for tests, and for hosts without a table."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock

import msgspec

from slipstream.caching.entry import FORMAT, Body
from slipstream.caching.store import Head, Lease, Mark, Place, Seen, Wanted, Watch
from slipstream.ulid import ulid

MOST_BYTES = 64 * 1024 * 1024


class MemoryAnswerStore:
    """An AnswerStore in dictionaries, safe for threads; beyond ``most_bytes`` the oldest answers go."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._heads: OrderedDict[Place, Head] = OrderedDict()
        self._bodies: dict[Place, Body] = {}
        self._leases: dict[Place, Lease] = {}
        self._marks: dict[tuple[str, str], Mark] = {}
        self._watches: dict[str, dict[str, Watch]] = {}
        self._lock = Lock()

    def claim(self, place: Place, wanted: Wanted) -> Seen:
        """See AnswerStore."""
        with self._lock:
            head, lease = self._heads.get(place), self._leases.get(place)
            if head is not None and (head.format > FORMAT or wanted.takes(head)):
                return Seen(msgspec.structs.replace(head, body=self._bodies.get(place)))
            if lease is not None and wanted.respects(lease):
                return Seen(head, lease)
            mine = self._leases[place] = Lease(wanted.holder, wanted.now_s + wanted.lease_s)
            return Seen(head, mine, mine=True)

    def read(self, place: Place, *, with_body: bool) -> Seen:
        """See AnswerStore."""
        with self._lock:
            head = self._heads.get(place)
            if head is not None and with_body:
                head = msgspec.structs.replace(head, body=self._bodies.get(place))
            return Seen(head, self._leases.get(place))

    def body(self, place: Place, head: Head) -> Body | None:
        """See AnswerStore."""
        del head
        return self._bodies.get(place)

    def write(self, place: Place, head: Head, body: Body) -> bool:
        """See AnswerStore."""
        with self._lock:
            before = self._heads.get(place)
            if before is not None and before.format > head.format:
                return False
            self._remove(place)
            self._heads[place], self._bodies[place] = head, body
            self._bytes += len(body.packed)
            while self._bytes > self._most_bytes:
                self._remove(next(iter(self._heads)))
            self._leases.pop(place, None)
            return True

    def _remove(self, place: Place) -> None:
        if self._heads.pop(place, None) is not None:
            self._bytes -= len(self._bodies.pop(place).packed)

    def release(self, place: Place, holder: str) -> None:
        """See AnswerStore."""
        with self._lock:
            lease = self._leases.get(place)
            if lease is not None and lease.holder == holder:
                del self._leases[place]

    def drop(self, place: Place, entry_id: str) -> None:
        """See AnswerStore."""
        with self._lock:
            head = self._heads.get(place)
            if head is not None and head.entry_id == entry_id:
                self._remove(place)

    def marks(self, documents: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Mark]:
        """See AnswerStore."""
        with self._lock:
            return {place: self._marks[place] for place in documents if place in self._marks}

    def mark(self, index: str, marks: Mapping[str, Mark], *, until_s: float) -> None:
        """See AnswerStore; marks stay as long as the process."""
        del until_s
        with self._lock:
            for document, mark in marks.items():
                before = self._marks.get((index, document), Mark())
                version = before.version if mark.version is None else mark.version
                self._marks[index, document] = Mark(version, max(before.after_s, mark.after_s))

    def watch(self, watch: Watch) -> None:
        """See AnswerStore. An answer that is not kept any more is not watched."""
        with self._lock:
            of_generation = self._watches.setdefault(watch.generation, {})
            of_generation[watch.entry_id] = watch
            if len(of_generation) > 2 * len(self._heads) + 100:
                there = {head.entry_id for head in self._heads.values()}
                self._watches[watch.generation] = {i: one for i, one in of_generation.items() if i in there}

    def unwatch(self, watch: Watch) -> None:
        """See AnswerStore."""
        with self._lock:
            self._watches.get(watch.generation, {}).pop(watch.entry_id, None)

    def watches(self, generation: str, *, since_s: float, limit: int) -> Sequence[Watch]:
        """See AnswerStore."""
        with self._lock:
            found = sorted(self._watches.get(generation, {}).items())
        return [watch for entry_id, watch in found if entry_id >= ulid(int(since_s * 1000), bytes(10))][-limit:]

    def purge(self, namespace: str, prefix: str = "") -> int:
        """See AnswerStore."""
        with self._lock:
            gone = [p for p in self._heads if p.namespace == namespace and p.key.startswith(prefix)]
            for place in gone:
                self._remove(place)
            return len(gone)

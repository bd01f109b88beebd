"""Bodies of answers in this process's memory. Whether one may be served is never decided here."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from slipstream.caching.entry import Body
from slipstream.caching.store import DocumentVersion, Place


class Remembered:
    """Least recently used first out, beyond ``most_bytes``. Safe for threads."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._bodies: OrderedDict[Place, tuple[Body, tuple[DocumentVersion, ...]]] = OrderedDict()
        self._lock = Lock()

    def get(self, place: Place) -> tuple[Body, tuple[DocumentVersion, ...]] | None:
        """The body last seen at ``place``, and the documents that it rests on."""
        with self._lock:
            found = self._bodies.get(place)
            if found is not None:
                self._bodies.move_to_end(place)
            return found

    def put(self, place: Place, body: Body, documents: tuple[DocumentVersion, ...]) -> None:
        """Keep a body; one that alone is over the limit is not kept."""
        if len(body.packed) > self._most_bytes:
            return
        with self._lock:
            self._forget(place)
            self._bodies[place] = body, documents
            self._bytes += len(body.packed)
            while self._bytes > self._most_bytes:
                self._forget(next(iter(self._bodies)))

    def forget(self, place: Place) -> None:
        """Keep nothing of ``place``."""
        with self._lock:
            self._forget(place)

    def _forget(self, place: Place) -> None:
        gone = self._bodies.pop(place, None)
        if gone is not None:
            self._bytes -= len(gone[0].packed)

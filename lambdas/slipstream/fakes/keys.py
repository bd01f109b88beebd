"""Keys kept in memory: for tests and for hosts without a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Lock

from slipstream.keys.store import KeyExists, KeyRecord


class MemoryKeyStore:
    """A KeyStore in a dictionary, safe for threads."""

    def __init__(self) -> None:
        self._records: dict[str, KeyRecord] = {}
        self._lock = Lock()

    def add(self, record: KeyRecord) -> None:
        """See KeyStore."""
        with self._lock:
            if record.key_id in self._records:
                raise KeyExists(record.key_id)
            self._records[record.key_id] = record

    def get(self, key_id: str) -> KeyRecord | None:
        """See KeyStore."""
        return self._records.get(key_id)

    def all(self) -> Iterator[KeyRecord]:
        """See KeyStore."""
        return iter(list(self._records.values()))

    def revoke(self, key_id: str, at_s: int) -> KeyRecord | None:
        """See KeyStore."""
        with self._lock:
            record = self._records.get(key_id)
            if record is None or record.revoked_s is not None:
                return record
            self._records[key_id] = revoked = replace(record, revoked_s=at_s)
            return revoked

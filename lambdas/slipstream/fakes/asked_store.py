"""What was asked, in this process's memory: for tests, and for hosts without a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Lock

import msgspec

from slipstream.caching.filling.asked import MOST_FAMILIES, MOST_USERS, Count, Family, Sighting


class MemoryAskedStore:
    """An AskedStore in dictionaries, safe for threads; what it holds stays as long as the process."""

    def __init__(self) -> None:
        self._salts: dict[str, bytes] = {}
        self._families: dict[tuple[str, str], Family] = {}
        self._counts: dict[tuple[str, str], dict[tuple[str, str], Count]] = {}
        self._lock = Lock()

    def salt(self, epoch: str, fresh: bytes, *, until_s: float) -> bytes:
        """See AskedStore."""
        del until_s
        with self._lock:
            return self._salts.setdefault(epoch, fresh)

    def count(self, sighting: Sighting, *, until_s: float) -> None:
        """See AskedStore."""
        del until_s
        one = sighting
        with self._lock:
            counts = self._counts.setdefault((one.namespace, one.family), {})
            before = counts.get((one.period, one.question)) or Count(
                period=one.period, question=one.question, impressions=0.0, users=frozenset()
            )
            full = len(before.users) >= MOST_USERS
            counts[one.period, one.question] = msgspec.structs.replace(
                before,
                impressions=before.impressions + one.weight,
                users=before.users if full else before.users | {one.user},
                beyond=before.beyond + (one.weight if full else 0.0),
            )

    def describe(self, family: Family, *, until_s: float) -> None:
        """See AskedStore."""
        del until_s
        with self._lock:
            self._families[family.namespace, family.family] = family

    def families(self) -> Sequence[Family]:
        """See AskedStore."""
        with self._lock:
            return [self._families[place] for place in sorted(self._families)][:MOST_FAMILIES]

    def family(self, namespace: str, family: str) -> Family | None:
        """See AskedStore."""
        with self._lock:
            return self._families.get((namespace, family))

    def counts(self, namespace: str, family: str, *, since: str) -> Iterator[Count]:
        """See AskedStore."""
        with self._lock:
            counts = dict(self._counts.get((namespace, family), {}))
        yield from (counts[place] for place in sorted(counts) if place[0] >= since)

    def forget(self, namespace: str) -> int:
        """See AskedStore."""
        with self._lock:
            mine = [place for place in self._counts if place[0] == namespace]
            gone = sum(len(self._counts.pop(place)) for place in mine)
            for place in [place for place in self._families if place[0] == namespace]:
                del self._families[place]
            return gone

"""Counts of what kept answers were worth, in this process's memory: for tests, and for hosts without a table."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from threading import Lock

from slipstream.caching.tally import Used

MOST_DAYS = 64
"""Of all namespaces together."""


class MemoryTallyStore:
    """A TallyStore in dictionaries, safe for threads; beyond ``MOST_DAYS`` the day begun longest ago goes."""

    def __init__(self) -> None:
        self._days: OrderedDict[tuple[str, str], dict[str, tuple[str, Counter[str]]]] = OrderedDict()
        self._lock = Lock()

    def add(self, namespace: str, day: str, used: Used) -> None:
        """See TallyStore."""
        with self._lock:
            answers = self._days.setdefault((namespace, day), {})
            _, counts = answers.get(used.key, ("", Counter()))
            for name, count in used.counts.items():
                counts[name] += count  # type: ignore[assignment]  # a Counter's values may be dollars
            answers[used.key] = used.family, counts
            while len(self._days) > MOST_DAYS:
                self._days.popitem(last=False)

    def of_day(self, namespace: str, day: str, *, limit: int) -> Sequence[Used]:
        """See TallyStore."""
        with self._lock:
            answers = self._days.get((namespace, day), {})
            return [Used(key, family, dict(counts)) for key, (family, counts) in sorted(answers.items())][:limit]

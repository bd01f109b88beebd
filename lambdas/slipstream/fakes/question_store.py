"""Known questions in this process's memory: for tests, and for hosts without a table."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from slipstream.caching.semantic.ports import Known

MOST = 50_000
"""Questions of all families."""


class MemoryQuestionStore:
    """A QuestionStore in dictionaries, safe for threads; beyond ``most`` the questions put longest ago go."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._families: dict[tuple[str, str], dict[str, Known]] = {}
        self._order: dict[tuple[str, str, str], None] = {}
        self._lock = Lock()

    def put(self, namespace: str, family: str, known: Known) -> None:
        """See QuestionStore."""
        with self._lock:
            place = (namespace, family, known.key)
            self._order.pop(place, None)
            self._order[place] = None
            self._families.setdefault((namespace, family), {})[known.key] = known
            while len(self._order) > self._most:
                self._remove(next(iter(self._order)))

    def find(self, namespace: str, family: str, key: str) -> Known | None:
        """See QuestionStore."""
        with self._lock:
            return self._families.get((namespace, family), {}).get(key)

    def newest(self, namespace: str, family: str, *, since_s: float = 0.0, limit: int) -> Sequence[Known]:
        """See QuestionStore."""
        with self._lock:
            found = [one for one in self._families.get((namespace, family), {}).values() if one.asked_s > since_s]
        return sorted(found, key=lambda one: (one.asked_s, one.key), reverse=True)[:limit]

    def remove(self, namespace: str, family: str, key: str) -> None:
        """See QuestionStore."""
        with self._lock:
            self._remove((namespace, family, key))

    def purge(self, namespace: str, prefix: str = "") -> int:
        """See QuestionStore."""
        with self._lock:
            gone = [
                (owner, family, known.key)
                for (owner, family), questions in self._families.items()
                for known in questions.values()
                if owner == namespace and (known.key.startswith(prefix) or known.answer.startswith(prefix))
            ]
            for place in gone:
                self._remove(place)
            return len(gone)

    def _remove(self, place: tuple[str, str, str]) -> None:
        if place in self._order:
            del self._order[place]
            namespace, family, key = place
            questions = self._families[namespace, family]
            del questions[key]
            if not questions:
                del self._families[namespace, family]

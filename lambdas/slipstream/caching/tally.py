"""What kept answers were worth, counted: by namespace and day, and by answer. At most one write a request.

Counts are added up in the environment's memory and written behind requests, the day's and the answers' by turns, no
more often than ``PAUSE_S``; of the answers the one that was used most first. What an environment had not written when
it ended is missing, and on a busy host so are the uses of answers that hardly any asked for: the report shows less
than there was, never more.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Literal, Protocol

import msgspec

from slipstream.caching.day import day_of
from slipstream.errors import SlipstreamError

PAUSE_S = 1.0
MOST_PENDING = 500
CLOSE = 0.5
"""Log odds above the cut below which a hit was a close call."""

Place = tuple[str, str, str]
"""Namespace, day, and the answer's key."""
Waiting = OrderedDict[Place, tuple[str, Counter[str]]]
Check = Literal["", "same", "different", "undecided"]


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """One request that went through the cache, as it is counted."""

    namespace: str
    outcome: str
    """hit, joined, miss, late, unavailable or refresh."""
    kind: str = ""
    """Of a hit: exact or semantic."""
    saved_usd: float = 0.0
    saved_ms: float = 0.0
    key: str = ""
    """Of the answer that was served."""
    family: str = ""
    """Where the answer's question is known; empty: nowhere."""
    close: bool = False
    """A semantic hit whose score was less than ``CLOSE`` above what was needed."""
    check: Check = ""
    """A candidate was checked, and what came of it."""
    would_serve: bool = False
    """Of a check: whether the candidate would have been served without it."""
    sure: bool = False
    """Of a check: the candidate was in the same words, and so seldom drawn: it is counted apart."""
    retried: str = ""
    """Key of an answer that this request, made anew on request, shows to have been wrong for its question."""


class Used(msgspec.Struct, frozen=True):
    """Counts of one day: of one answer (``key``), or of all (``key`` empty)."""

    key: str
    family: str
    counts: Mapping[str, float]


class TallyStore(Protocol):
    """Where counts are kept. Every method raises a SlipstreamError where the store fails."""

    def add(self, namespace: str, day: str, used: Used) -> None:
        """Add to what is counted. ``day``: 2026-11-26, UTC."""
        ...

    def of_day(self, namespace: str, day: str, *, limit: int) -> Sequence[Used]:
        """The day's own counts first (where there are any), then those of answers, ``limit`` altogether."""
        ...


class Tally:
    """Built once an environment; safe for threads."""

    def __init__(self, store: TallyStore, *, clock: Callable[[], float] = time.time) -> None:
        """``clock``: Unix time (s)."""
        self.store = store
        self._clock = clock
        self._days: Waiting = OrderedDict()
        self._answers: Waiting = OrderedDict()
        self._written_s = -PAUSE_S
        self._turn = False
        self._lock = Lock()

    def count(self, counted: Counted) -> None:
        """After the last byte: count one request, and write some of what waits. Never raises."""
        self._take(counted.namespace, "", "", _of_day(counted))
        if counted.kind:
            self._take(counted.namespace, counted.key, counted.family, _of_answer(counted))
        if counted.retried:
            self._take(counted.namespace, counted.retried, counted.family, {"reported_wrong": 1.0})
        self._write()

    def reported(self, namespace: str, key: str, family: str, *, correct: bool) -> None:
        """Count a reader's report of an answer. Never raises."""
        told = {f"reported_{'right' if correct else 'wrong'}": 1.0}
        self._take(namespace, "", "", told)
        self._take(namespace, key, family, told)
        self._write()

    def _take(self, namespace: str, key: str, family: str, counts: Mapping[str, float]) -> None:
        waiting = self._answers if key else self._days
        with self._lock:
            day = day_of(self._clock())
            _, known = waiting.setdefault((namespace, day, key), (family, Counter()))
            for name, count in counts.items():
                known[name] += count  # type: ignore[assignment]  # a Counter's values may be dollars
            while len(waiting) > MOST_PENDING:
                del waiting[_least_used(waiting) if key else next(iter(waiting))]

    def _write(self) -> None:
        with self._lock:
            now_s = self._clock()
            if now_s - self._written_s < PAUSE_S:
                return
            self._written_s = now_s
            self._turn = not self._turn
            waiting = (self._days or self._answers) if self._turn else (self._answers or self._days)
            place = next(iter(waiting)) if waiting is self._days else _most_used(waiting)
            namespace, day, key = place
            family, counts = waiting.pop(place)
        try:
            self.store.add(namespace, day, Used(key, family, counts))
        except SlipstreamError:
            self._take(namespace, key, family, counts)  # on the next day's account, where a day has ended


def _most_used(waiting: Waiting) -> Place:
    """What says most of the report's answers is written first: on a busy host not all can be."""
    return max(waiting, key=lambda place: _uses(waiting[place][1]))


def _least_used(waiting: Waiting) -> Place:
    return min(waiting, key=lambda place: _uses(waiting[place][1]))


def _uses(counts: Counter[str]) -> float:
    """Hits; a report of a wrong answer weighs more than any number of them."""
    return counts["hits"] + 1e6 * counts["reported_wrong"]


def _of_day(counted: Counted) -> dict[str, float]:
    name = counted.kind or counted.outcome
    counts = {"requests": 1.0, name: 1.0, "saved_usd": counted.saved_usd, "saved_ms": counted.saved_ms}
    if counted.check:
        counts[f"checked_{counted.check}"] = 1.0
        if counted.would_serve:
            counts[f"checked_{'same_words' if counted.sure else 'served'}_{counted.check}"] = 1.0
    if counted.retried:
        counts["reported_wrong"] = 1.0
    if counted.close:
        counts["close"] = 1.0
    return {name: count for name, count in counts.items() if count}


def _of_answer(counted: Counted) -> dict[str, float]:
    counts = {
        "hits": 1.0, counted.kind: 1.0, "close": float(counted.close),
        "saved_usd": counted.saved_usd, "saved_ms": counted.saved_ms,
    }  # fmt: skip
    return {name: count for name, count in counts.items() if count}

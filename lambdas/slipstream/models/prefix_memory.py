"""Which prompt prefixes have been seen, and how likely a new one is to come back."""

from __future__ import annotations

from threading import Lock

import msgspec

LONGEST_GAP_S = 3600.0
"""A prefix that was away for longer counts as new: no cache of Bedrock's lives longer."""
SHORT_TTL_S = 300.0
MEMORY = 256
"""Counts are halved beyond this, so that a change of habit shows after some hundred prompts."""


class Seen(msgspec.Struct):
    """One prefix. ``live_until_s`` is when its cache entry, if one was asked for, runs out."""

    last_s: float
    live_until_s: float = 0.0
    returns: int = 0
    late_returns: int = 0
    """Returns too late for the short TTL, yet in time for the long one."""


class Habit(msgspec.Struct):
    """How often prefixes of one kind came back, as a Beta posterior: (a + returned) / (a + b + first seen)."""

    prior_returned: float
    prior_seen: float
    seen: float = 0.0
    returned: float = 0.0

    def chance(self) -> float:
        """Mean of the posterior: the chance that a prefix seen for the first time comes back."""
        return (self.prior_returned + self.returned) / (self.prior_seen + self.seen)

    def count(self, *, came_back: bool) -> None:
        """Count a prefix's first sight, or its first return."""
        if came_back:
            self.returned = min(self.returned + 1, self.seen)
        else:
            self.seen += 1
        if self.seen > MEMORY:
            self.seen, self.returned = self.seen / 2, self.returned / 2


class PrefixMemory:
    """Least recently used prefixes are forgotten beyond ``most``. Thread-safe."""

    def __init__(self, most: int = 8192) -> None:
        self._most = most
        self._seen: dict[bytes, Seen] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._seen)

    def recall(self, digest: bytes) -> Seen | None:
        """What is known of a prefix, without counting this as a sight of it."""
        return self._seen.get(digest)

    def note(self, digest: bytes, now_s: float, ttl_s: float, habit: Habit) -> None:
        """Count a sight of a prefix; ``ttl_s`` > 0 where a cache point is put after it."""
        with self._lock:
            entry = self._seen.pop(digest, None)
            if entry is None or now_s - entry.last_s > LONGEST_GAP_S:
                entry = Seen(now_s)
                habit.count(came_back=False)
            else:
                if entry.returns == 0:
                    habit.count(came_back=True)
                entry.returns += 1
                entry.late_returns += now_s - entry.last_s > SHORT_TTL_S
                entry.last_s = now_s
            if ttl_s > 0:
                entry.live_until_s = now_s + ttl_s
            self._seen[digest] = entry
            while len(self._seen) > self._most:
                del self._seen[next(iter(self._seen))]

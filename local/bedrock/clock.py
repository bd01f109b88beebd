"""Time for caches and quotas, which tests and the control endpoint may move forward."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic seconds."""

    def now(self) -> float:
        """Return seconds since an arbitrary moment."""
        ...


class MovableClock:
    """The machine's monotonic clock plus what was skipped."""

    def __init__(self) -> None:
        self.skipped_s = 0.0

    def now(self) -> float:
        """Return monotonic seconds, skipped time included."""
        return time.monotonic() + self.skipped_s

    def advance(self, seconds: float) -> None:
        """Skip ``seconds`` (cache entries age, quotas refill; nothing sleeps less)."""
        self.skipped_s += seconds

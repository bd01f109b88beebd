"""What happened, without any prompt or answer."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any


class Stats:
    """Counters since the start or the last reset."""

    def __init__(self) -> None:
        self.active_streams = 0
        self.reset()

    def reset(self) -> None:
        """Count from zero; streams that are active stay so."""
        self.calls: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.completed_streams = 0
        self.aborted_streams = 0
        self.output_tokens = 0
        self.last: deque[dict[str, str]] = deque(maxlen=100)

    def as_json(self) -> dict[str, Any]:
        """The answer of GET /__double/stats."""
        return {
            "calls": dict(self.calls),
            "errors": dict(self.errors),
            "faults": dict(self.faults),
            "active_streams": self.active_streams,
            "completed_streams": self.completed_streams,
            "aborted_streams": self.aborted_streams,
            "output_tokens": self.output_tokens,
            "last": list(self.last),
        }

"""When the pieces of an answer reached the client."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass
class Arrivals:
    """Notes the time of each piece, in seconds from its own making: make it just before the call."""

    began: float = field(default_factory=time.perf_counter)
    times_s: list[float] = field(default_factory=list)

    def of(self, pieces: Iterable[T]) -> Iterator[T]:
        """Hand the pieces on."""
        for piece in pieces:
            self.times_s.append(time.perf_counter() - self.began)
            yield piece

    @property
    def streamed(self) -> bool:
        """Whether the pieces came one after another, and not all together at the end.

        A buffered answer comes within a blink after the whole wait; a streamed one is spread over a good part of it,
        whatever the machine's speed. So the spread is compared with the wait for the first piece, not with a clock.
        """
        return len(self.times_s) > 3 and self.times_s[-1] - self.times_s[0] > self.times_s[0] / 4

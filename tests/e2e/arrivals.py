"""Whether the pieces of an answer reach the client while the model is still at work."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")
PAUSE_S = 1.5
"""How long the model falls silent after its third token, in the tests of streaming."""


@dataclass
class Arrivals:
    """Notes when each piece came."""

    times_s: list[float] = field(default_factory=list)

    def of(self, pieces: Iterable[T]) -> Iterator[T]:
        """Hand the pieces on."""
        for piece in pieces:
            self.times_s.append(time.perf_counter())
            yield piece

    @property
    def streamed(self) -> bool:
        """Whether the model's pause is there between two pieces.

        What collects an answer before it hands it on makes the pause vanish: its pieces come together at the end.
        A slow machine makes the pause longer, never shorter, so half of it is a safe sign.
        """
        return max(after - before for before, after in zip(self.times_s, self.times_s[1:], strict=False)) > PAUSE_S / 2

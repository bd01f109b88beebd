"""How rare words are among the questions that a namespace has seen."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

MAX_WORDS = 50_000


class Rarity(msgspec.Struct):
    """Document frequencies: ``counts[stem]`` of ``texts`` questions hold the stem. Grows in place."""

    texts: int = 0
    counts: dict[str, int] = {}

    def of(self, stem: str) -> float:
        """Inverse document frequency, natural logarithm, never negative (Spärck Jones, 1972; smoothed)."""
        return math.log((self.texts + 1) / (self.counts.get(stem, 0) + 0.5)) if self.texts else 1.0

    def add(self, stems: Iterable[str]) -> None:
        """One more question. Past ``MAX_WORDS`` the stems that were seen once are forgotten."""
        self.texts += 1
        for stem in stems:
            self.counts[stem] = self.counts.get(stem, 0) + 1
        if len(self.counts) > MAX_WORDS:
            self.counts = {stem: count for stem, count in self.counts.items() if count > 1}

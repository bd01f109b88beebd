"""An inverted index over one field, scored as Lucene scores it (BM25, k1 1.2, b 0.75, lengths in one byte)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

K1 = 1.2
B = 0.75
EXACT_LENGTHS = 24


def byte_length(length: int) -> int:
    """A length as it is read back from Lucene's norm: exact up to 39, then four significant bits above 24."""
    if length < EXACT_LENGTHS:
        return length
    shift = max(0, (length - EXACT_LENGTHS).bit_length() - 4)
    return EXACT_LENGTHS + ((length - EXACT_LENGTHS) >> shift << shift)


class FieldIndex:
    """Terms of numbered texts. A text without a term does not count."""

    def __init__(self) -> None:
        self._postings: dict[str, dict[int, int]] = {}
        self._lengths: dict[int, int] = {}
        self._norms: dict[int, int] = {}
        self._terms: dict[int, tuple[str, ...]] = {}
        self._total = 0

    def add(self, number: int, terms: Sequence[str]) -> None:
        """Take a text in."""
        if not terms:
            return
        counts = Counter(terms)
        for term, count in counts.items():
            self._postings.setdefault(term, {})[number] = count
        self._terms[number] = tuple(counts)
        self._lengths[number] = len(terms)
        self._norms[number] = byte_length(len(terms))
        self._total += len(terms)

    def remove(self, number: int) -> None:
        """Take a text out, with its share of the statistics."""
        for term in self._terms.pop(number, ()):
            found = self._postings[term]
            del found[number]
            if not found:
                del self._postings[term]
        self._total -= self._lengths.pop(number, 0)
        self._norms.pop(number, None)

    def scores(self, terms: Mapping[str, float]) -> dict[int, float]:
        """Number → BM25 of ``terms`` (term → weight), of all texts that hold one."""
        scores: dict[int, float] = {}
        texts = len(self._lengths)
        if not texts:
            return scores
        least, slope = K1 * (1 - B), K1 * B * texts / self._total
        for term, weight in terms.items():
            found = self._postings.get(term)
            if not found:
                continue
            rarity = math.log(1 + (texts - len(found) + 0.5) / (len(found) + 0.5))
            top = weight * rarity * (K1 + 1)
            norms = self._norms
            for number, count in found.items():
                scores[number] = scores.get(number, 0.0) + top * count / (count + least + slope * norms[number])
        return scores

"""Whether a passage supports a sentence: what the sentence says has to stand there, numbers and names exactly.

Decided by terms, in microseconds, without a model: a share of the sentence's terms, weighted by how much each tells
passages apart, has to be in the passage. A figure that the passage lacks refuses it, and so does a negation that stands
in one alone: in the sentence, or in that of the passage which says most of the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from slipstream.retrieval.denial import Said, said, sentences

ENOUGH = 0.55
"""Least share of a sentence's weight that its passage has to hold. Half a sentence in other words is a paraphrase,
less is about something else."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class Passages:
    """The passages that an answer may cite, read once. ``texts`` includes titles and headings: they are context."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._said = [[said(sentence) for sentence in sentences(text)] for text in texts]
        self._terms = [frozenset[str]().union(*(one.terms for one in told)) for told in self._said]
        self._numbers = [frozenset(_numbers(text)) for text in texts]
        self._negated = [any(one.negated for one in told) for told in self._said]
        count = len(texts)
        held: dict[str, int] = {}
        for one in self._terms:
            for term in one:
                held[term] = held.get(term, 0) + 1
        # A term that is in every passage tells little, one that is in none tells most: nothing here supports it.
        self._weights = {term: math.log(1 + (count + 1) / (found + 0.5)) for term, found in held.items()}
        self._unknown = math.log(1 + (count + 1) / 0.5)

    def support(self, sentence: str, number: int) -> float:
        """Share (0 to 1) of the sentence's weight that passage ``number`` (from 1) holds; 0 where it contradicts.

        0 as well for a number that stands for no passage, and for a sentence that says nothing.
        """
        if not 1 <= number <= len(self._terms):
            return 0.0
        claim = said(sentence)
        if not claim.terms or not set(_numbers(sentence)) <= self._numbers[number - 1]:
            return 0.0
        if claim.negated and not self._negated[number - 1]:
            return 0.0
        if all(claim.contradicts(one) for one in self._nearest(claim, number)):
            return 0.0
        return self._weight(claim.terms & self._terms[number - 1]) / self._weight(claim.terms)

    def _nearest(self, claim: Said, number: int) -> list[Said]:
        """The passage's sentences that say most of the claim."""
        held = [self._weight(claim.terms & one.terms) for one in self._said[number - 1]]
        most = max(held, default=0.0)
        return [one for one, weight in zip(self._said[number - 1], held, strict=True) if weight == most]

    def _weight(self, terms: frozenset[str]) -> float:
        return math.fsum(self._weights.get(term, self._unknown) for term in terms)


def _numbers(text: str) -> list[str]:
    """Figures, with their separators of thousands taken out: ``10,000`` is ``10000``."""
    return [found.replace(",", "") for found in _NUMBER.findall(text)]

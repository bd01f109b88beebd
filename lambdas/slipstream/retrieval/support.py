"""Whether a passage supports a sentence: what the sentence says has to stand there, numbers and names exactly.

Decided by terms, in microseconds, without a model: a share of the sentence's terms, weighted by how much each tells
passages apart, has to be in the passage. A figure, an identifier or a negation that the passage lacks refuses it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from slipstream.retrieval.analysis import terms, words

ENOUGH = 0.55
"""Least share of a sentence's weight that its passage has to hold. Half a sentence in other words is a paraphrase,
less is about something else."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NEGATION = frozenset(("not", "no", "never", "cannot", "without", "neither", "nor", "none"))
_NEGATED = re.compile(r"n['’]t$")


class Passages:
    """The passages that an answer may cite, read once. ``texts`` includes titles and headings: they are context."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._terms = [frozenset(terms(text)) for text in texts]
        self._numbers = [frozenset(_numbers(text)) for text in texts]
        self._negated = [_negated(text) for text in texts]
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
        said = set(terms(sentence))
        if not said or not set(_numbers(sentence)) <= self._numbers[number - 1]:
            return 0.0
        if _negated(sentence) and not self._negated[number - 1]:
            return 0.0
        weight = sum(self._weights.get(term, self._unknown) for term in said)
        held = sum(self._weights[term] for term in said & self._terms[number - 1])
        return held / weight


def _numbers(text: str) -> list[str]:
    """Figures, with their separators of thousands taken out: ``10,000`` is ``10000``."""
    return [found.replace(",", "") for found in _NUMBER.findall(text)]


def _negated(text: str) -> bool:
    return any(word.lower() in _NEGATION or _NEGATED.search(word.lower()) for word in words(text))

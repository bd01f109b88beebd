"""What speaks for a document, as numbers of about 0 to 1 that mean the same in every index and for every question.

Scores are left as far apart as the legs put them: a leg that tells documents apart has spread its scores and so
decides, one that cannot tell has not. Scaling each list to 0…1 first would throw that away and make noise as loud as
knowledge. BM25 grows with the question, by the root of its terms as measured, so it is divided by that.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from slipstream.retrieval.analysis import passage_terms, terms
from slipstream.retrieval.candidates import Candidate
from slipstream.retrieval.search import Hit

Values = dict[str, float]

BM25_UNIT = 26.4
"""About what a good match of a question of one term scores, in an index of any size."""
WINDOW_TERMS = 20
"""A long sentence."""
NEAR_TERMS = 3
"""How far two words that are neighbours in the question may stand apart."""

OF_LEGS = (
    "cosine", "passage", "document", "length",
    "cosine_agreed", "passage_agreed", "cosine_peaked", "passage_peaked", "cosine_long", "passage_long",
)  # fmt: skip
OF_TEXT = ("coverage", "window", "neighbours", "title", "exact")


def of_legs(question: str, found: Sequence[Candidate]) -> list[Values]:
    """Evidence from scores and ranks alone; the later ones weigh the legs by what this question's lists look like."""
    length = len(set(terms(question)))
    unit = BM25_UNIT * math.sqrt(max(1, length))
    context = _of_question(length, unit, found)
    values = []
    for one in found:
        cosine, passage = one.cosine, one.passage_bm25 / unit
        row = {
            "cosine": cosine,
            "passage": passage,
            "document": one.document_bm25 / unit,
            # The best of many passages is better by chance alone.
            "length": math.log(max(1, one.hits[0].passages)),
        }
        for name, strength in context.items():
            row[f"cosine_{name}"] = cosine * strength
            row[f"passage_{name}"] = passage * strength
        values.append(row)
    return values


def _of_question(length: int, unit: float, found: Sequence[Candidate]) -> Values:
    """How this question's lists look: do the legs agree, does the dense one have a peak, how long is the question."""
    lexical = {one.document_id for one in found if one.lexical_rank is not None and one.lexical_rank <= 10}
    dense = {one.document_id for one in found if one.dense_rank is not None and one.dense_rank <= 10}
    cosines = sorted((one.cosine for one in found), reverse=True)
    bm25s = sorted((one.passage_bm25 / unit for one in found), reverse=True)
    return {
        "agreed": len(lexical & dense) / max(1, min(len(lexical), len(dense))),
        "peaked": _peak(cosines) - _peak(bm25s),
        "long": math.log2(1 + length) / 4,
    }


def _peak(scores: Sequence[float]) -> float:
    """How far the best stands above the middle."""
    return scores[0] - scores[len(scores) // 2] if scores else 0.0


class TextEvidence:
    """Evidence from the passages' words, each weighed by how few of this question's passages hold it."""

    def __init__(self, question: str, identifiers: Sequence[str], found: Sequence[Candidate]) -> None:
        order = terms(question)
        asked = frozenset(order)
        self._pairs = {pair for pair in pairwise(order) if pair[0] != pair[1]}
        self._identifiers = identifiers
        self._passages = {one.document_id: [_Passage(hit, asked) for hit in one.hits] for one in found}
        passages = [passage for some in self._passages.values() for passage in some]
        held = Counter(term for passage in passages for term in passage.held)
        count = len(passages)
        self._weights = {term: math.log(1 + (count - held[term] + 0.5) / (held[term] + 0.5)) for term in asked}
        self._sum = sum(self._weights.values()) or 1.0

    def of(self, one: Candidate) -> Values:
        """Values named in ``OF_TEXT``."""
        passages = self._passages[one.document_id]
        return {
            "coverage": max(self._share(passage.held) for passage in passages),
            "window": max(_best_window(passage.in_text, self._weights) for passage in passages) / self._sum,
            "neighbours": max(self._neighbours(passage.places) for passage in passages),
            "title": self._share(passages[0].in_title),
            "exact": self._exact(one),
        }

    def _share(self, held: Collection[str]) -> float:
        """The share of the question's weight that ``held`` has."""
        return sum(weight for term, weight in self._weights.items() if term in held) / self._sum

    def _neighbours(self, places: Mapping[str, Sequence[int]]) -> float:
        """The share of the question's neighbouring terms that are near each other, in order, in a passage."""
        if not self._pairs:
            return 0.0
        near = sum(
            any(0 < second - first <= NEAR_TERMS for first in places[left] for second in places[right])
            for left, right in self._pairs
            if left in places and right in places
        )
        return near / len(self._pairs)

    def _exact(self, one: Candidate) -> float:
        """The share of the question's identifiers that stand, letter by letter, in a passage or title."""
        if not self._identifiers:
            return 0.0
        texts = [f"{hit.title}\n{' '.join(hit.heading)}\n{hit.text}" for hit in one.hits]
        return max(sum(name in text for name in self._identifiers) for text in texts) / len(self._identifiers)


class _Passage:
    """Where a question's terms stand in one passage, read once."""

    __slots__ = ("held", "in_text", "in_title", "places")

    def __init__(self, hit: Hit, asked: frozenset[str]) -> None:
        title = passage_terms(hit.title)
        before = [*title, *passage_terms(" ".join(hit.heading))]
        self.in_title = asked.intersection(title)
        self.in_text = [(place, term) for place, term in enumerate(passage_terms(hit.text)) if term in asked]
        self.places: dict[str, list[int]] = {}
        """In title, headings and text as one list of terms."""
        for place, term in enumerate(before):
            if term in asked:
                self.places.setdefault(term, []).append(place)
        for place, term in self.in_text:
            self.places.setdefault(term, []).append(len(before) + place)
        self.held = self.places.keys()


def _best_window(places: Sequence[tuple[int, str]], weights: Mapping[str, float]) -> float:
    """The most weight of different terms within a stretch of ``WINDOW_TERMS``."""
    inside = dict.fromkeys(weights, 0)
    held = best = 0.0
    left = 0
    for place, term in places:
        if not inside[term]:
            held += weights[term]
        inside[term] += 1
        while place - places[left][0] >= WINDOW_TERMS:
            gone = places[left][1]
            inside[gone] -= 1
            if not inside[gone]:
                held -= weights[gone]
            left += 1
        best = max(best, held)
    return best

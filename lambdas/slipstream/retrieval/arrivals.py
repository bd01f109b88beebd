"""Whether a new document would stand among an answer's passages, reckoned without a search.

A document is judged by the sum of its best passage's cosine and ``COVERED`` times the share of the question's terms
that a passage of it holds; it reaches the answer where that is no less than the least of the answer's own passages has,
by a margin. Measured against full searches by ``slipstream eval arrivals``.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from operator import mul

from slipstream.chat.retrieval_options import RetrievalOptions
from slipstream.retrieval.analysis import passage_terms, terms
from slipstream.retrieval.bar import Bar
from slipstream.retrieval.document import Document
from slipstream.retrieval.ranker import PASSAGES
from slipstream.retrieval.ranking import Found, Ranked
from slipstream.retrieval.scoring import MOST_HALVINGS, POPULARITY_SPAN

COVERED = 0.2
"""What all of a question's terms count, in cosine."""
MARGIN = 0.01
"""In cosine: ends some that would have stood, so that few are missed."""
LOG_ODDS = 13.5
"""Of a cosine of 1, as the ranking that ships weighs it."""
SLACK = 2.5
"""Standard deviations by which two vectors' signs may differ from what their angle makes likely."""
ANYTHING = -2.0
"""Less than any document has."""


def bar_of(found: Found, options: RetrievalOptions) -> Bar | None:
    """The bar of what ``options`` have found; None where the question had no vector.

    Where fewer passages were found than wanted, every document enters. Age and popularity, where they have a say, are
    taken to favour the new document as far as they can.
    """
    if not any(found.vector):
        return None
    asked = tuple(dict.fromkeys(terms(found.question.text)))
    own = [reach for one in found.passages if (reach := _reach(one, frozenset(asked))) is not None]
    if len(found.passages) < (options.passages or PASSAGES) or not own:
        return Bar(_bytes(found.vector), asked, ANYTHING)
    favour = POPULARITY_SPAN * (options.popularity_weight or 0.0)
    if options.recency_half_life_days is not None:
        favour += MOST_HALVINGS * math.log(2)
    return Bar(_bytes(found.vector), asked, min(own) - MARGIN - favour / LOG_ODDS)


def _reach(one: Ranked, asked: frozenset[str]) -> float | None:
    """What an answer's own passage has; None: its cosine is not known."""
    hit = one.hit
    cosine = one.stages.get("cosine", hit.other_score)
    if cosine is None:
        return None
    return cosine + COVERED * _share(asked, _held(hit.title, hit.heading, hit.text))


def _held(title: str, heading: Sequence[str], text: str) -> set[str]:
    return {*passage_terms(title), *passage_terms(" ".join(heading)), *passage_terms(text)}


def _share(asked: frozenset[str], held: set[str]) -> float:
    return len(asked & held) / len(asked) if asked else 0.0


def _bytes(vector: Sequence[float]) -> bytes:
    most = max(map(abs, vector))
    return array("b", [round(127 * value / most) for value in vector]).tobytes()


class Question:
    """A bar made ready to be compared with many documents."""

    __slots__ = ("_asked", "_differ", "_least", "_signs", "_vector")

    def __init__(self, bar: Bar) -> None:
        self._vector = array("b", bar.question)
        self._signs = _signs(self._vector)
        self._asked = frozenset(bar.terms)
        terms = range(len(self._asked) + 1)
        cosines = [bar.needed - COVERED * held / max(1, len(self._asked)) for held in terms]
        length = math.sqrt(sum(map(mul, self._vector, self._vector)))
        self._least = [cosine * length for cosine in cosines]
        """The product of vectors that is needed where so many of the terms are held; ``_differ``: signs that may."""
        self._differ = [_differing(cosine, len(self._vector)) for cosine in cosines]

    def reached_by(self, document: Arrival) -> bool:
        """Whether ``document`` would stand among the answer's passages."""
        # First by the words of the whole document, of which no passage holds more: hardly any comes further.
        signs, differ = self._signs, self._differ[len(self._asked & document.held)]
        for bits in document.signs:
            if (bits ^ signs).bit_count() <= differ:
                return self._is_reached(document)
        return False

    def _is_reached(self, document: Arrival) -> bool:
        held = max(len(self._asked & each) for each in document.passages_held)
        signs, differ, least = self._signs, self._differ[held], self._least[held]
        return any(
            (bits ^ signs).bit_count() <= differ and sum(map(mul, self._vector, vector)) >= least
            for bits, vector in zip(document.signs, document.vectors, strict=True)
        )


class Arrival:
    """A new document, as questions look at it."""

    __slots__ = ("held", "passages_held", "signs", "vectors")

    def __init__(self, document: Document) -> None:
        """``document`` with its passages' vectors, of unit length; passages without one are not found by meaning."""
        self.vectors = [each.vector for each in document.passages if each.vector]
        self.signs = [_signs(vector) for vector in self.vectors]
        self.passages_held = [_held(document.title, each.heading, each.text) for each in document.passages]
        self.held = frozenset[str]().union(*self.passages_held)
        """Terms of its title, headings and text."""


def _differing(cosine: float, dimensions: int) -> float:
    """In how many signs vectors may differ that have this cosine.

    The share of signs in which two vectors differ is about their angle over π (Charikar, 2002).
    """
    share = math.acos(max(-1.0, min(1.0, cosine))) / math.pi
    return dimensions * share + SLACK * math.sqrt(dimensions * share * (1 - share))


def _signs(vector: Sequence[float]) -> int:
    return int("".join(["1" if value > 0 else "0" for value in vector]), 2)

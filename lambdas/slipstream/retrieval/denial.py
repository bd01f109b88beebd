"""What a sentence denies: the term that a negation comes before, as ``delete`` in "you must not delete the bucket"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import msgspec

from slipstream.retrieval.analysis import term_of, words

REACH = 3
"""Terms after a negation that it may mean; the first of them it surely does."""
_NEGATIONS = frozenset(("not", "no", "never", "cannot", "without", "neither", "nor", "none"))
_NEGATED = re.compile(r"n['’]t$")
_BETWEEN = frozenset(("also", "anymore", "currently", "ever", "longer", "yet"))
"""May stand between a negation and what it denies."""
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")


class Said(msgspec.Struct, frozen=True):
    """A sentence's terms. One that stands there denied and affirmed is in both ``affirmed`` and ``near``."""

    terms: frozenset[str]
    affirmed: frozenset[str]
    """Occur where no negation comes right before."""
    near: frozenset[str]
    """In reach of a negation."""
    negated: bool

    def contradicts(self, other: Said) -> bool:
        """Whether a term of both is denied in one and only affirmed in the other."""
        shared = self.terms & other.terms
        return any(
            (term not in self.affirmed and term not in other.near)
            or (term not in other.affirmed and term not in self.near)
            for term in shared
        )


def said(sentence: str) -> Said:
    """Read one sentence."""
    found = [(word.lower(), term_of(word)) for word in words(sentence)]
    counts = Counter(term for _, term in found if term)
    near: set[str] = set()
    negated = False
    for at, (word, _) in enumerate(found):
        if word not in _NEGATIONS and not _NEGATED.search(word):
            continue
        negated = True
        reach = [term for near_by, term in found[at + 1 :] if term and near_by not in _BETWEEN][:REACH]
        near.update(reach)
        counts.subtract(reach[:1])
    terms = frozenset(counts)
    return Said(terms, frozenset(term for term in terms if counts[term] > 0), frozenset(near), negated)


def sentences(text: str) -> Iterator[str]:
    """The text's sentences and lines."""
    return (part for part in _SENTENCE.split(text) if part.strip())

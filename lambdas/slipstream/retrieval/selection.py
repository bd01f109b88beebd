"""From documents in order to the passages that are given back: the best of each, no passage twice in other clothes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from slipstream.retrieval.analysis import passage_terms
from slipstream.retrieval.candidates import Candidate
from slipstream.retrieval.search import PASSAGES_A_DOCUMENT, Hit

SHINGLE = 3
"""Terms in a row that are compared: passages of the same words in another order are not the same."""


def select(
    ordered: Sequence[tuple[Candidate, float]], wanted: int, *, second_passage: float, alike: float, pinned: int = 0
) -> list[tuple[Candidate, Hit, float]]:
    """``wanted`` passages, best first, from candidates in their order, each with its score.

    A document's second passage costs ``second_passage``. A passage that shares ``alike`` of its shingles with a
    better one is left out, and its document is then represented by its next. The first ``pinned`` candidates come
    first, whatever they score.
    """
    choices = [
        (min(place, pinned), -(score - step * second_passage), place, step, one, hit)
        for place, (one, score) in enumerate(ordered)
        for step, hit in enumerate(best_first(one))
    ]
    chosen: list[tuple[Candidate, Hit, float]] = []
    read: list[frozenset[tuple[str, ...]]] = []
    held: Counter[str] = Counter()
    for _, cost, _, _, one, hit in sorted(choices, key=lambda choice: choice[:4]):
        if held[one.document_id] >= PASSAGES_A_DOCUMENT:
            continue
        shingles = _shingles(hit)
        if any(_shared(shingles, other) >= alike for other in read):
            continue
        chosen.append((one, hit, -cost))
        read.append(shingles)
        held[one.document_id] += 1
        if len(chosen) == wanted:
            break
    return chosen


def best_first(one: Candidate) -> list[Hit]:
    """A document's passages: those that both legs found, then by cosine, then by BM25."""
    return sorted(
        one.hits,
        key=lambda hit: (
            -((hit.ordinal in one.cosines) + (hit.ordinal in one.bm25s)),
            -one.cosines.get(hit.ordinal, -1.0),
            -one.bm25s.get(hit.ordinal, 0.0),
            hit.ordinal,
        ),
    )


def _shingles(hit: Hit) -> frozenset[tuple[str, ...]]:
    found = passage_terms(hit.text)
    return frozenset(found[at : at + SHINGLE] for at in range(max(1, len(found) - SHINGLE + 1)))


def _shared(left: frozenset[tuple[str, ...]], right: frozenset[tuple[str, ...]]) -> float:
    """Jaccard's share; two passages without words are not alike."""
    return len(left & right) / len(left | right) if any(map(any, left)) else 0.0

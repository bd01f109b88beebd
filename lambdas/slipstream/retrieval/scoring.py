"""The owner's say in the order: age, popularity, documents that come first or never."""

from __future__ import annotations

import math
from collections.abc import Sequence

from slipstream.chat.retrieval_options import RetrievalOptions
from slipstream.retrieval.candidates import Candidate

DAY_S = 86_400
MOST_HALVINGS = 6
"""A very old document that alone answers still comes: age divides its odds by 64 at most."""
POPULARITY_SPAN = 2.0
"""Log odds between a document nobody reads and the most popular candidate, at full weight: 7 to 1."""


def adjustments(found: Sequence[Candidate], options: RetrievalOptions, now_s: float) -> list[float]:
    """What to add to each candidate's score, in log odds. An unknown age or popularity changes nothing."""
    most = max((one.hits[0].popularity for one in found), default=0.0)
    return [_age(one, options, now_s) + _popularity(one, options, most) for one in found]


def allowed(found: Sequence[Candidate], options: RetrievalOptions) -> list[Candidate]:
    """Without the excluded documents."""
    excluded = frozenset(options.excluded)
    return [one for one in found if one.document_id not in excluded]


def place(document_id: str, options: RetrievalOptions) -> int:
    """0, 1, … for pinned documents in the order they were named; all others come after them."""
    return options.pinned.index(document_id) if document_id in options.pinned else len(options.pinned)


def _age(one: Candidate, options: RetrievalOptions, now_s: float) -> float:
    half_life, updated = options.recency_half_life_days, one.hits[0].updated_at_s
    if half_life is None or updated is None:
        return 0.0
    halvings = max(0.0, now_s - updated) / (half_life * DAY_S)
    return -math.log(2) * min(halvings, MOST_HALVINGS)


def _popularity(one: Candidate, options: RetrievalOptions, most: float) -> float:
    if not options.popularity_weight or most <= 0:
        return 0.0
    share = math.log1p(max(0.0, one.hits[0].popularity)) / math.log1p(most)
    return POPULARITY_SPAN * options.popularity_weight * share

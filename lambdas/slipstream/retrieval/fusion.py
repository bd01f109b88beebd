"""Two legs' lists made one: by what was learnt, and by the fixed rules that engines have, to compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slipstream.retrieval.evidence import Values
from slipstream.retrieval.parameters import Parameters, weighed

RRF_CONSTANT = 60
"""Cormack, Clarke and Büttcher, 2009; also the engine's default."""


def fused(by_legs: Sequence[Values], parameters: Parameters) -> list[float]:
    """A score for each candidate, in log odds, from ``evidence.of_legs``: the legs' scores and ranks.

    What each leg weighs depends on the question: on how far the leg spread its scores, on whether the legs agree, and
    on the question's length.
    """
    return [weighed(parameters.fusion, values) for values in by_legs]


def reciprocal_rank(rankings: Sequence[Sequence[str]], constant: int = RRF_CONSTANT) -> dict[str, float]:
    """Reciprocal rank fusion: each list gives 1 / (constant + rank), rank from 1."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, name in enumerate(ranking, 1):
            scores[name] = scores.get(name, 0.0) + 1 / (constant + rank)
    return scores


def convex_sum(lists: Sequence[Mapping[str, float]], weights: Sequence[float]) -> dict[str, float]:
    """Each list scaled to 0…1 by its own least and most, then summed by weight; not in a list: 0 from it."""
    scores: dict[str, float] = {}
    for scored, weight in zip(lists, weights, strict=True):
        for name, value in _scaled(scored).items():
            scores[name] = scores.get(name, 0.0) + weight * value
    return scores


def _scaled(scored: Mapping[str, float]) -> dict[str, float]:
    if not scored:
        return {}
    least, most = min(scored.values()), max(scored.values())
    return {name: (value - least) / (most - least) if most > least else 1.0 for name, value in scored.items()}


def order(scores: Mapping[str, float]) -> list[str]:
    """Names by score, best first; equal scores by name, so that the order never depends on a dictionary's."""
    return sorted(scores, key=lambda name: (-scores[name], name))

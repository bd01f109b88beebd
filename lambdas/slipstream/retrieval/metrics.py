"""How good an order of documents is, by judgements; and how sure one can be of a difference between two."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

import msgspec

RESAMPLES = 10_000


def ndcg(order: Sequence[str], relevance: Mapping[str, float], cutoff: int = 10) -> float:
    """Normalized discounted cumulative gain (Järvelin and Kekäläinen, 2002), gain = relevance, as trec_eval has it."""
    best = sorted((gain for gain in relevance.values() if gain > 0), reverse=True)[:cutoff]
    ideal = _discounted(best)
    return _discounted([max(0.0, relevance.get(name, 0.0)) for name in order[:cutoff]]) / ideal if ideal else 0.0


def recall(order: Sequence[str], relevance: Mapping[str, float], cutoff: int = 20) -> float:
    """The share of the relevant documents that are among the first ``cutoff``."""
    relevant = {name for name, gain in relevance.items() if gain > 0}
    return len(relevant.intersection(order[:cutoff])) / len(relevant) if relevant else 0.0


def reciprocal_rank_of_first(order: Sequence[str], relevance: Mapping[str, float], cutoff: int = 10) -> float:
    """1 / rank of the first relevant document; 0 where none is among the first ``cutoff``. Its mean is MRR."""
    return next((1 / rank for rank, name in enumerate(order[:cutoff], 1) if relevance.get(name, 0.0) > 0), 0.0)


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


class Difference(msgspec.Struct, frozen=True):
    """Mean of a paired difference, and the interval that holds it in 95 of 100 resamples."""

    difference: float
    low_95: float
    high_95: float


def paired_difference(ours: Sequence[float], theirs: Sequence[float], seed: int = 0) -> Difference:
    """Bootstrap over queries (Efron's percentiles): what another sample of the same kind of questions might say."""
    pairs = [one - other for one, other in zip(ours, theirs, strict=True)]
    if not pairs:
        return Difference(0.0, 0.0, 0.0)
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    means = sorted(_mean(chance.choices(pairs, k=len(pairs))) for _ in range(_resamples(len(pairs))))
    return Difference(_mean(pairs), means[int(0.025 * len(means))], means[int(0.975 * len(means)) - 1])


def _resamples(count: int) -> int:
    """Fewer for many queries: the interval is as steady, and nobody waits."""
    return max(1000, min(RESAMPLES, 2_000_000 // count))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)

"""What choices would have served, period by period, against who knows the period, and against two simple rules.

A share is of all impressions of the period. The oracle answers the questions that are asked most in the period itself.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from slipstream.caching.precompute.forecast import Forecast
from slipstream.caching.precompute.questions import Questions

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


class Tried(msgspec.Struct, frozen=True):
    """One period. Shares lie between 0 and 1."""

    period: str
    impressions: int
    answers: int
    served_share: float
    oracle_share: float
    last_share: float
    weighted_share: float
    chosen: tuple[int, ...] = ()

    @property
    def part(self) -> float:
        """Part of the oracle's share that was served; 1 where there was nothing to serve."""
        return part(self.served_share, self.oracle_share)


def part(served: float, oracle: float) -> float:
    """``served`` as a part of ``oracle``; 1 where there was nothing to serve."""
    return served / oracle if oracle else 1.0


def tried_on(questions: Questions, forecast: Forecast, answers: int, chosen: Sequence[int]) -> Tried:
    """What ``chosen`` served in the period that ``forecast`` was of."""
    import numpy

    period = questions.periods[forecast.known]
    counts = numpy.zeros(len(questions.keys))
    counts[period.question] = period.impressions
    whole = float(counts.sum()) or 1.0

    def share(numbers: NDArray[numpy.int64] | Sequence[int]) -> float:
        return float(counts[numpy.asarray(numbers, numpy.int64)].sum()) / whole

    return Tried(
        questions.log.periods[forecast.known],
        int(counts.sum()),
        len(chosen),
        share(chosen),
        share(_top(counts, answers)),
        share(_top(forecast.last, answers)),
        share(_top(forecast.weighted, answers)),
        tuple(chosen),
    )


def medians(tried: Sequence[Tried]) -> dict[str, float]:
    """Median part of the oracle's share: the policy's, and the yardsticks'."""
    return {
        "policy": statistics.median(one.part for one in tried),
        "last_period": statistics.median(part(one.last_share, one.oracle_share) for one in tried),
        "weighted_0.6": statistics.median(part(one.weighted_share, one.oracle_share) for one in tried),
    }


def _top(counts: NDArray[numpy.float64], answers: int) -> NDArray[numpy.int64]:
    import numpy

    best: NDArray[numpy.int64] = numpy.argsort(-counts, kind="stable")[:answers]
    return best[counts[best] > 0]

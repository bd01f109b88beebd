"""What choices would have served, period by period, against who knows the period, and against simple rules.

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


class Shares(msgspec.Struct, frozen=True):
    """Of one period's impressions, 0 to 1, by who chose the answers; each had equally many."""

    served: float
    """By the plan."""
    unfiltered: float
    """By the plan's forecast, had nothing been left out for privacy."""
    oracle: float
    """By who knows the period."""
    last_period: float
    """Yardstick: what was asked most in the period before."""
    weighted: float
    """Yardstick: counts of all periods before, each weighing 0.6 of the one after it."""
    hindsight: float
    """The one list for all periods that is best in sum, chosen by who knows the whole log, this period included."""


class Tried(msgspec.Struct, frozen=True):
    """One period of a log as it was served by answers chosen before it."""

    period: str
    impressions: int
    answers: int
    shares: Shares


class Trial:
    """Tries choices on a log's periods."""

    def __init__(self, questions: Questions, answers: int) -> None:
        import numpy

        self._questions, self._answers = questions, answers
        total = numpy.zeros(len(questions.keys))
        for period in questions.periods:
            total[period.question] += period.impressions
        self._hindsight = _top(total, answers)

    def on(self, forecast: Forecast, chosen: Sequence[int]) -> Tried:
        """What ``chosen`` served in the period that ``forecast`` was of, which the log has to have."""
        import numpy

        period = self._questions.periods[forecast.known]
        counts = numpy.zeros(len(self._questions.keys))
        counts[period.question] = period.impressions
        whole = float(counts.sum()) or 1.0

        def share(numbers: NDArray[numpy.int64] | Sequence[int]) -> float:
            return float(counts[numpy.asarray(numbers, numpy.int64)].sum()) / whole

        shares = Shares(
            served=share(chosen),
            unfiltered=share(forecast.question[_top(forecast.expected, self._answers)]),
            oracle=share(_top(counts, self._answers)),
            last_period=share(_top(forecast.last, self._answers)),
            weighted=share(_top(forecast.weighted, self._answers)),
            hindsight=share(self._hindsight),
        )
        return Tried(self._questions.log.periods[forecast.known], int(counts.sum()), len(chosen), shares)


def parts(shares: Shares) -> dict[str, float]:
    """Each choice's share as a part of the oracle's; 1 where there was nothing to serve."""
    oracle = shares.oracle
    return {
        name: share / oracle if oracle else 1.0
        for name, share in msgspec.structs.asdict(shares).items()
        if name != "oracle"
    }


def median_parts(tried: Sequence[Tried]) -> dict[str, float]:
    """The median of each choice's part over the periods."""
    each = [parts(one.shares) for one in tried]
    return {name: statistics.median(one[name] for one in each) for name in each[0]}


def _top(counts: NDArray[numpy.float64], answers: int) -> NDArray[numpy.int64]:
    import numpy

    best: NDArray[numpy.int64] = numpy.argsort(-counts, kind="stable")[:answers]
    return best[counts[best] > 0]

"""What the past says about each question's demand in the period to come, from several sides.

A view is an estimate of impressions in one period: a mean over the past with some memory, the same season before, the
slope. `slipstream.caching.precompute.forecast` learns how much each is worth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from slipstream.caching.precompute.questions import Questions

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Vector = NDArray[numpy.float64]

MEMORIES = (0.0, 0.3, 0.6, 0.9, 1.0)
"""What an observation weighs after one more period: from the last period alone to the whole past alike."""
PRESENCE_MEMORY = 0.9
USUAL_MEMORY = 0.9
SEASONS_BACK = 4
SEASON_MEMORY = 0.7
YARDSTICK_MEMORY = 0.6


class Seen(msgspec.Struct, frozen=True):
    """One period's view of the candidates: ``estimates`` has a row a candidate, a column a view."""

    question: NDArray[numpy.int64]
    estimates: NDArray[numpy.float64]


class Views:
    """Takes in one period after the other; asked for the views of the next, it knows nothing later."""

    def __init__(self, questions: Questions) -> None:
        import numpy

        self._questions = questions
        self._calendar = questions.log.calendar
        size = len(questions.keys)
        self._sums: dict[tuple[str, float], Vector] = {
            ("impressions", memory): numpy.zeros(size) for memory in MEMORIES
        }
        self._sums |= {("visits", memory): numpy.zeros(size) for memory in MEMORIES[1:]}
        self._sums["present", PRESENCE_MEMORY] = numpy.zeros(size)
        self._weights = dict.fromkeys(self._sums, 0.0)
        self._asked, self._visitors = numpy.zeros(size), numpy.zeros(size)
        self._place: dict[int, int] = {}
        self._impressions = self._visits = 0.0
        self.taken = 0

    def take(self) -> None:
        """Learn the next period."""
        import numpy

        place = self.taken
        period, ordinal = self._questions.periods[place], self._calendar.at[place]
        gap = ordinal - self._calendar.at[place - 1] if place else 1
        counted = {
            "impressions": period.impressions,
            "visits": period.visits,
            "present": (period.impressions > 0).astype(numpy.float64),
        }
        for key in self._sums:
            what, memory = key
            self._sums[key] *= memory**gap
            self._sums[key][period.question] += counted[what]
            self._weights[key] = self._weights[key] * memory**gap + 1
        self._asked[period.question] += period.impressions
        self._visitors[period.question] += period.visits
        self._impressions += float(period.impressions.sum())
        self._visits += float(period.visits.sum())
        self._place[ordinal] = place
        self.taken += 1

    @property
    def users(self) -> Vector:
        """Visits of each question so far; its impressions where no question has had a visit."""
        return self._visitors if self._visits else self._asked

    def recent(self, memory: float) -> Vector:
        """Mean impressions in a period with that memory, of all questions."""
        return self._sums["impressions", memory] / max(self._weights["impressions", memory], 1e-12)

    def of(self, question: NDArray[numpy.int64], ordinal: int) -> NDArray[numpy.float64]:
        """The views of some questions for the period at ``ordinal``: a row a question, a column a view."""
        import numpy

        means = {key: total[question] / self._weights[key] for key, total in self._sums.items()}
        columns = [means["impressions", memory] for memory in MEMORIES]
        by_visit = self._impressions / self._visits if self._visits else 0.0
        for memory in MEMORIES[1:]:
            asked, visited = means["impressions", memory], by_visit * means["visits", memory]
            # a burst of one visitor has many impressions and few visits; the geometric mean believes neither alone
            columns.append(numpy.sqrt(asked * visited) if self._visits else asked)
        columns.append(means["present", PRESENCE_MEMORY])
        columns.append(self._slope(question))
        usual = means["impressions", USUAL_MEMORY]
        columns += [self._season(question, ordinal, length, usual) for length in self._calendar.seasons]
        return numpy.column_stack(columns)

    def _slope(self, question: NDArray[numpy.int64]) -> Vector:
        """Where the last two periods lead; a topic that has just come up is nowhere else."""
        import numpy

        last = self._counts(self.taken - 1)[question]
        before = self._counts(self.taken - 2)[question] if self.taken > 1 else last
        slope: Vector = numpy.maximum(2 * last - before, 0.0)
        return slope

    def _season(self, question: NDArray[numpy.int64], ordinal: int, length: int, usual: Vector) -> Vector:
        """Mean of the same season before; ``usual`` where the log does not reach back so far."""
        import numpy

        total, weight = numpy.zeros(len(question)), 0.0
        for back in range(1, SEASONS_BACK + 1):
            place = self._place.get(ordinal - back * length)
            if place is not None:
                total += SEASON_MEMORY**back * self._counts(place)[question]
                weight += SEASON_MEMORY**back
        return total / weight if weight else usual

    def _counts(self, place: int) -> Vector:
        import numpy

        period = self._questions.periods[place]
        counts: Vector = numpy.zeros(len(self._questions.keys))
        counts[period.question] = period.impressions
        return counts

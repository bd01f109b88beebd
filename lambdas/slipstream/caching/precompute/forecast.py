"""How often each question will be asked in the next period: a mixture of views, weighed by what they were worth before.

impressions ~ Poisson(Σ_j w_j view_j), w_j ≥ 0. Weights are fitted to the transitions that are past already, by the
multiplicative updates that keep them positive (Lee & Seung, 2001), and drawn towards equal weights by a gamma prior as
long as there is little to learn from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from slipstream.caching.precompute.query_log import Progress, untold
from slipstream.caching.precompute.questions import Questions
from slipstream.caching.precompute.views import MEMORIES, YARDSTICK_MEMORY, Views

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Vector = NDArray[numpy.float64]

TRANSITIONS = 24
"""How many past periods the weights are learnt from: with months, two years, so that a season has shown its worth."""
FADE = 0.95
ROUNDS = 30
PRIOR_TRANSITIONS = 1.0
"""Strength of the prior: it counts as much as so many transitions that equal weights have explained."""
LEAST_CANDIDATES = 4000
CANDIDATES_PER_ANSWER = 10
_TINY = 1e-9


class Forecast(msgspec.Struct, frozen=True):
    """Of the period that follows the first ``known``: ``expected[i]`` impressions of question ``question[i]``.

    ``last`` and ``weighted`` are what the two yardsticks would say of all questions, ``users`` whom each had so far.
    """

    known: int
    question: NDArray[numpy.int64]
    expected: NDArray[numpy.float64]
    last: NDArray[numpy.float64]
    weighted: NDArray[numpy.float64]
    users: NDArray[numpy.float64]


class _Lesson(msgspec.Struct, frozen=True):
    estimates: NDArray[numpy.float64]
    came: NDArray[numpy.float64]


def forecasts(questions: Questions, answers: int, *, first: int = 1, progress: Progress = untold) -> Iterator[Forecast]:
    """Walk through the log: after each period, from the ``first`` on, what is known of the one that follows.

    The last one is of a period that the log does not have. ``answers``: how many are going to be chosen of it.
    """
    calendar, count = questions.log.calendar, len(questions.periods)
    views, lessons = Views(questions), deque[_Lesson](maxlen=TRANSITIONS)
    for known in range(1, count + 1):
        views.take()
        ordinal = calendar.at[known] if known < count else calendar.next_at
        candidates = _candidates(views, answers)
        estimates = views.of(candidates, ordinal)
        if known >= first:
            yield Forecast(
                known,
                candidates,
                estimates @ _fitted(lessons, estimates.shape[1]),
                views.recent(0.0),
                views.recent(YARDSTICK_MEMORY),
                views.users.copy(),
            )
        if known < count:
            lessons.append(_Lesson(estimates, _came(questions, known, candidates)))
        progress("periods forecast", known, count)


def _candidates(views: Views, answers: int) -> NDArray[numpy.int64]:
    """Questions with some demand by any memory; of very many, those with most."""
    import numpy

    strength = numpy.sum([views.recent(memory) for memory in MEMORIES], axis=0)
    asked = numpy.flatnonzero(strength > 0)
    most = max(LEAST_CANDIDATES, CANDIDATES_PER_ANSWER * answers)
    if len(asked) <= most:
        return asked
    return numpy.sort(asked[numpy.argsort(-strength[asked], kind="stable")[:most]])


def _came(questions: Questions, place: int, candidates: NDArray[numpy.int64]) -> Vector:
    import numpy

    period = questions.periods[place]
    counts = numpy.zeros(len(questions.keys))
    counts[period.question] = period.impressions
    came: Vector = counts[candidates]
    return came


def _fitted(lessons: deque[_Lesson], views: int) -> Vector:
    """The weight of each view; equal ones where there is nothing to learn from yet."""
    import numpy

    prior: Vector = numpy.full(views, 1.0 / views)
    if not lessons:
        return prior
    estimates = numpy.vstack([lesson.estimates for lesson in lessons])
    came = numpy.concatenate([lesson.came for lesson in lessons])
    ages = range(len(lessons) - 1, -1, -1)
    trust = numpy.concatenate(
        [numpy.full(len(lesson.came), FADE**age) for lesson, age in zip(lessons, ages, strict=True)]
    )
    if not estimates.any():
        return prior
    strength = PRIOR_TRANSITIONS * float(estimates.sum()) / (len(lessons) * views)
    seen, weights = estimates.T @ trust, prior.copy()
    for _ in range(ROUNDS):
        mean = estimates @ weights + _TINY
        weights = (weights * (estimates.T @ (trust * came / mean)) + strength * prior) / (seen + strength)
    return weights

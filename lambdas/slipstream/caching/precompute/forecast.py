"""How often each question will be asked in the next period, by the estimate that has served most until now.

Estimates are the views of the past and a mixture of them: impressions ~ Poisson(Σ_j w_j view_j), w_j ≥ 0. Weights are
fitted to the transitions that are past already, by the multiplicative updates that keep them positive (Lee & Seung,
2001), and drawn towards equal weights by a gamma prior as long as there is little to learn from. Each estimate's own
choice is then scored on each transition as it comes to pass, and the best of them (follow the leader, with older
transitions fading) makes the forecast: what fits the counts best is not always what ranks the questions best.
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
    """A transition that has come to pass. ``promised`` and ``served``: impressions that each estimate's choice was to
    serve, and did; the mixture's are the last.
    """

    views: NDArray[numpy.float64]
    came: NDArray[numpy.float64]
    promised: NDArray[numpy.float64]
    served: NDArray[numpy.float64]


def forecasts(questions: Questions, answers: int, *, first: int = 1, progress: Progress = untold) -> Iterator[Forecast]:
    """Walk through the log: after each period, from the ``first`` on, what is known of the one that follows.

    The last one is of a period that the log does not have. ``answers``: how many are going to be chosen of it.
    """
    import numpy

    calendar, count = questions.log.calendar, len(questions.periods)
    views, lessons = Views(questions), deque[_Lesson](maxlen=TRANSITIONS)
    for known in range(1, count + 1):
        views.take()
        ordinal = calendar.at[known] if known < count else calendar.next_at
        candidates = _candidates(views, answers)
        seen = views.of(candidates, ordinal)
        estimates = numpy.column_stack([seen, seen @ _fitted(lessons, seen.shape[1])])
        if known >= first:
            yield Forecast(
                known,
                candidates,
                _best(estimates, lessons),
                views.recent(0.0),
                views.recent(YARDSTICK_MEMORY),
                views.users.copy(),
            )
        if known < count:
            lessons.append(_lesson(estimates, _came(questions, known, candidates), answers))
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


def _lesson(estimates: NDArray[numpy.float64], came: Vector, answers: int) -> _Lesson:
    import numpy

    promised, served = numpy.zeros(estimates.shape[1]), numpy.zeros(estimates.shape[1])
    for number, estimate in enumerate(estimates.T):
        chosen = numpy.argsort(-estimate, kind="stable")[:answers]
        promised[number], served[number] = estimate[chosen].sum(), came[chosen].sum()
    return _Lesson(estimates[:, :-1], came, promised, served)


def _best(estimates: NDArray[numpy.float64], lessons: deque[_Lesson]) -> Vector:
    """The leader's estimate, by so much lower as what it promised of its chosen ones has been too high."""
    import numpy

    if not lessons:
        mixture: Vector = estimates[:, -1]
        return mixture
    trust = _trust(lessons)
    served = sum((weight * lesson.served for weight, lesson in zip(trust, lessons, strict=True)), numpy.zeros(1))
    promised = sum((weight * lesson.promised for weight, lesson in zip(trust, lessons, strict=True)), numpy.zeros(1))
    leader = len(served) - 1 - int(numpy.argmax(served[::-1]))  # of equals the mixture, which knows most
    kept = served[leader] / promised[leader] if promised[leader] else 1.0
    best: Vector = estimates[:, leader] * kept
    return best


def _trust(lessons: deque[_Lesson]) -> list[float]:
    return [FADE**age for age in range(len(lessons) - 1, -1, -1)]


def _fitted(lessons: deque[_Lesson], views: int) -> Vector:
    """The weight of each view in the mixture; equal ones where there is nothing to learn from yet."""
    import numpy

    prior: Vector = numpy.full(views, 1.0 / views)
    estimates = numpy.vstack([numpy.zeros((0, views)), *(lesson.views for lesson in lessons)])
    if not estimates.any():
        return prior
    came = numpy.concatenate([lesson.came for lesson in lessons])
    trust = numpy.repeat(_trust(lessons), [len(lesson.came) for lesson in lessons])
    strength = PRIOR_TRANSITIONS * float(estimates.sum()) / (len(lessons) * views)
    seen, weights = estimates.T @ trust, prior.copy()
    for _ in range(ROUNDS):
        mean = estimates @ weights + _TINY
        weights = (weights * (estimates.T @ (trust * came / mean)) + strength * prior) / (seen + strength)
    return weights

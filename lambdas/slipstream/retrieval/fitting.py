"""Ranking weights from judgements: a softmax over each question's candidates, held to the weights it starts from.

The loss is ListNet's (Cao et al., 2007), convex in the weights, so that there is one answer and Newton's method finds
it in a few steps. A Gaussian prior around the starting weights keeps small sets from doing harm: with few judgements
the weights hardly move, with many the data decide. Needs numpy, and is not on the request path.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from slipstream.retrieval.evidence import OF_LEGS, OF_TEXT, Values
from slipstream.retrieval.parameters import Parameters

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Array = NDArray[numpy.float64]

SPREAD = {
    "cosine": 1.0, "passage": 0.75, "document": 0.5, "length": 0.05, **{name: 0.5 for name in OF_LEGS if "_" in name}
}  # fmt: skip
"""How far a weight is expected to be from where it starts: one deviation of the prior."""
OTHER_SPREAD = 0.25
STEPS = 50
FOLDS = 5


class Lesson(msgspec.Struct, frozen=True):
    """One judged question: evidence of each candidate, and what each is worth. Order as the legs found them."""

    rows: Sequence[Values]
    gains: Sequence[float]


def fit(lessons: Sequence[Lesson], start: Parameters) -> Parameters:
    """``start`` with both sets of weights moved towards what the lessons say."""
    return msgspec.structs.replace(
        start, fusion=_moved(lessons, OF_LEGS, start.fusion), rerank=_moved(lessons, OF_LEGS + OF_TEXT, start.rerank)
    )


def folds(count: int, parts: int = FOLDS, seed: int = 0) -> list[list[int]]:
    """The numbers 0 to ``count`` - 1 dealt into ``parts``, the same way each time."""
    numbers = list(range(count))
    random.Random(seed).shuffle(numbers)  # noqa: S311 - a deal, not a secret
    return [numbers[part::parts] for part in range(min(parts, count))]


def cross_validated(lessons: Sequence[Lesson], start: Parameters, parts: int = FOLDS) -> list[Parameters]:
    """For each lesson, parameters fitted on the folds that it is not in."""
    fitted = [start] * len(lessons)
    for fold in folds(len(lessons), parts):
        held_out = set(fold)
        learnt = fit([lesson for number, lesson in enumerate(lessons) if number not in held_out], start)
        for number in fold:
            fitted[number] = learnt
    return fitted


def _moved(lessons: Sequence[Lesson], names: Sequence[str], start: Values) -> Values:
    import numpy

    before = numpy.array([start.get(name, 0.0) for name in names])
    precision = numpy.array([SPREAD.get(name, OTHER_SPREAD) for name in names]) ** -2.0
    told = [
        (numpy.array([[row[name] for name in names] for row in lesson.rows]), numpy.array(lesson.gains))
        for lesson in lessons
        if len(lesson.rows) > 1 and any(gain > 0 for gain in lesson.gains)
    ]
    weights = _newton([(rows, _shares(gains)) for rows, gains in told], before, precision)
    return {name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)}


def _shares(gains: Array) -> Array:
    import numpy

    positive = numpy.maximum(gains, 0.0)
    shares: Array = positive / positive.sum()
    return shares


def _newton(told: Sequence[tuple[Array, Array]], before: Array, precision: Array) -> Array:
    """The weights of the least loss; halves a step that goes too far."""
    import numpy

    weights, loss = before.copy(), _loss(told, before, before, precision)
    for _ in range(STEPS):
        slope, bend = precision * (weights - before), numpy.diag(precision)
        for rows, shares in told:
            chances = _softmax(rows @ weights)
            middle = chances @ rows
            slope = slope + rows.T @ (chances - shares)
            bend = bend + (rows * chances[:, None]).T @ rows - numpy.outer(middle, middle)
        step = numpy.linalg.solve(bend, slope)
        size = 1.0
        while (new := _loss(told, weights - size * step, before, precision)) > loss and size > 1e-4:
            size /= 2
        if loss - new < 1e-9 * max(1.0, abs(loss)):
            break
        weights, loss = weights - size * step, new
    return weights


def _loss(told: Sequence[tuple[Array, Array]], weights: Array, before: Array, precision: Array) -> float:
    import numpy

    total = 0.5 * float((precision * (weights - before) ** 2).sum())
    for rows, shares in told:
        scores = rows @ weights
        highest = scores.max()
        total += float(highest + numpy.log(numpy.exp(scores - highest).sum()) - shares @ scores)
    return total


def _softmax(scores: Array) -> Array:
    import numpy

    grown = numpy.exp(scores - scores.max())
    chances: Array = grown / grown.sum()
    return chances

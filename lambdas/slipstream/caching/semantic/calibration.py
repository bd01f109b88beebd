"""From an acceptable share of wrong hits to a score from which to hit, with a finite-sample guarantee.

Selection by conformal p-values: Jin and Candès, "Selection by Prediction with Conformal p-values", Journal of
Machine Learning Research 24, 2023. With ``n`` labels drawn at random among the candidates, ``wrong(t)`` of them wrong
and scored at or above ``t``, the candidates at or above ``t`` are served where

    (1 + wrong(t)) / (n + 1)  /  share of candidates at or above t   ≤   level.

Then the expected share of wrong answers among the served ones is at most ``level``, for any scorer that was made
without these labels, and any n. The level is ε plus half a label's weight, 1 / (n + 1): see docs/caching.md for what
that means, and what cross-fitting does to it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

import msgspec

_RIDGE = 0.5
_CAUTION = 0.75
"""Part of ε that the estimate may reach: the lowest of many cuts is chosen where chance flatters it."""


class Cut(msgspec.Struct, frozen=True):
    """Where to hit from, and what that rests on."""

    score: float
    level: float
    """Bound on the expected share of wrong hits among hits."""
    labels: int
    """Labels drawn at random that the bound rests on."""
    wrong: int
    """Of those, wrong ones that would have been served."""
    estimate: float
    """What the share of wrong hits is likely to be."""
    share: float
    """Part of the candidates that is served."""


def fewest_labels(epsilon: float) -> int:
    """Before so many labels nothing is served: fewer cannot speak about one wrong answer in 1 / ε."""
    return math.ceil(1 / epsilon)


def level(epsilon: float, labels: int) -> float:
    """The bound that so many labels can carry: ε and half a label's weight."""
    return epsilon + 0.5 / (labels + 1)


def cut(
    scores: Sequence[float],
    equal: Sequence[bool],
    candidates: Sequence[float],
    epsilon: float,
    *,
    struck: Sequence[float] = (),
) -> Cut | None:
    """The lowest score that keeps ε, or None: do not hit.

    ``scores`` and ``equal``: of the labels drawn at random, scored out of fold. ``candidates``: scores of recent
    candidates, labelled or not; minus infinity for those that a rule forbids. ``struck``: scores of answers that were
    served and found wrong by other means (feedback): they count as wrong, and not as labels.
    """
    labels = len(scores)
    if labels < fewest_labels(epsilon) or not candidates or all(equal):
        return None
    slope, intercept = _link(scores, equal)
    if slope <= 0:
        return None
    wrong = sorted([score for score, same in zip(scores, equal, strict=True) if not same] + list(struck))
    offered = sorted(candidates, reverse=True)
    expected = _running([_logistic(-(slope * score + intercept)) for score in offered])
    allowed = level(epsilon, labels)
    best = None
    for at, score in enumerate(offered):
        if score == -math.inf:
            break
        if at + 1 < len(offered) and offered[at + 1] == score:
            continue
        above = len(wrong) - bisect_left(wrong, score)
        share = (at + 1) / len(offered)
        if (1 + above) / (labels + 1) / share <= allowed and expected[at] <= _CAUTION * epsilon:
            best = Cut(score, allowed, labels, above, expected[at], share)
    return best


def _link(scores: Sequence[float], equal: Sequence[bool]) -> tuple[float, float]:
    """Scores to log odds by logistic regression (Platt, 1999), Newton's method with a light ridge on the slope."""
    finite = [(score, same) for score, same in zip(scores, equal, strict=True) if score != -math.inf]
    slope, intercept = 1.0, 0.0
    for _ in range(50):
        g0, g1, h00, h01, h11 = 0.0, -_RIDGE * slope, 1e-6, 0.0, _RIDGE
        for score, same in finite:
            odds = _logistic(slope * score + intercept)
            error, weight = same - odds, odds * (1 - odds)
            g0, g1 = g0 + error, g1 + error * score
            h00, h01, h11 = h00 + weight, h01 + weight * score, h11 + weight * score * score
        determinant = h00 * h11 - h01 * h01
        if determinant < 1e-12:
            break
        steeper, higher = (h00 * g1 - h01 * g0) / determinant, (h11 * g0 - h01 * g1) / determinant
        longest = max(abs(steeper), abs(higher), 1.0)
        slope, intercept = slope + steeper / longest, intercept + higher / longest
        if max(abs(steeper), abs(higher)) < 1e-6:
            break
    return slope, intercept


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-700.0, min(700.0, value))))


def _running(values: Sequence[float]) -> list[float]:
    means, total = [], 0.0
    for count, value in enumerate(values, 1):
        total += value
        means.append(total / count)
    return means


def upper_bound(wrong: int, of: int, confidence: float = 0.95) -> float:
    """One-sided upper limit of a share (Clopper and Pearson, Biometrika 26, 1934), by bisection; 1.0 of nothing."""
    if of == 0 or wrong >= of:
        return 1.0
    low, high = wrong / of, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(wrong, of, middle) > 1 - confidence else (low, middle)
    return high


def interval(wrong: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided limits of a share (Clopper and Pearson), each with half of what is left over; 0 to 1 of nothing."""
    each = (1 + confidence) / 2
    low = 0.0 if wrong == 0 else 1 - upper_bound(of - wrong, of, each)
    return low, upper_bound(wrong, of, each)


def _at_most(wrong: int, of: int, share: float) -> float:
    """P(Binomial(of, share) ≤ wrong)."""
    logs = (
        math.lgamma(of + 1)
        - math.lgamma(k + 1)
        - math.lgamma(of - k + 1)
        + k * math.log(share)
        + (of - k) * math.log1p(-share)
        for k in range(wrong + 1)
    )
    return sum(map(math.exp, logs))

"""Labels to a scorer, and to scores of those labels that have not seen them. The only part that needs numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from slipstream.caching.semantic.boosting import boost
from slipstream.caching.semantic.scorer import Scorer

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float64]

FOLDS = 10
TREES_SHARES = (0.0, 0.5, 1.0)
_RIDGE = 10.0
"""Of the standardised weights: a Gaussian prior of variance 0.1."""
_NEWTON_STEPS = 30


class Learnt(msgspec.Struct, frozen=True):
    """``scores``: of each label's pair, by a scorer that did not see it (cross-fitting), in the labels' order."""

    scorer: Scorer
    scores: tuple[float, ...]


def learn(rows: Sequence[Mapping[str, float]], equal: Sequence[bool], *, seed: int = 0) -> Learnt | None:
    """A scorer from labels of both kinds, two of each at least; None of fewer.

    How much of the score the trees make is chosen by the log loss of the cross-fitted scores.
    """
    import numpy as np

    truth = np.asarray(equal, np.float64)
    if min(truth.sum(), len(truth) - truth.sum()) < 2:
        return None
    names = tuple(rows[0])
    table = np.asarray([[row[name] for name in names] for row in rows], np.float64)
    folds = _folds(truth, seed)
    apart = np.empty((2, len(truth)))
    for fold in range(FOLDS):
        out = folds == fold
        if out.any():
            scorer = _fit(names, table[~out], truth[~out])
            for kind, share in enumerate((0.0, 1.0)):
                alone = msgspec.structs.replace(scorer, trees_share=share)
                apart[kind, out] = [alone.score(row) for row, left_out in zip(rows, out, strict=True) if left_out]
    share, scores = min(
        ((share, (1 - share) * apart[0] + share * apart[1]) for share in TREES_SHARES),
        key=lambda mixed: float(np.logaddexp(0, np.where(truth > 0, -mixed[1], mixed[1])).mean()),
    )
    scorer = msgspec.structs.replace(_fit(names, table, truth), trees_share=share)
    return Learnt(scorer, tuple(map(float, scores)))


def _folds(truth: Floats, seed: int) -> NDArray[numpy.int64]:
    """A fold for each label, with equal shares of both kinds."""
    import numpy as np

    random = np.random.default_rng(seed)
    folds = np.empty(len(truth), np.int64)
    for kind in (0.0, 1.0):
        where = random.permutation(np.flatnonzero(truth == kind))
        folds[where] = np.arange(len(where)) % FOLDS
    return folds


def _fit(names: tuple[str, ...], rows: Floats, truth: Floats) -> Scorer:
    import numpy as np

    means, scales = rows.mean(0), rows.std(0)
    scales = np.where(scales > 1e-9, scales, 1.0)
    weights, bias = _logistic((rows - means) / scales, truth)
    trees, start = boost(rows, truth)
    return Scorer(
        names,
        tuple(map(float, means)),
        tuple(map(float, scales)),
        tuple(map(float, weights)),
        bias,
        trees,
        start,
    )


def _logistic(rows: Floats, truth: Floats) -> tuple[Floats, float]:
    """Ridge logistic regression by Newton's method; the intercept is free."""
    import numpy as np

    table = np.column_stack([rows, np.ones(len(rows))])
    penalty = np.full(table.shape[1], _RIDGE)
    penalty[-1] = 1e-6
    found = np.zeros(table.shape[1])
    share = truth.mean()
    found[-1] = np.log(share / (1 - share))
    for _ in range(_NEWTON_STEPS):
        odds = 1 / (1 + np.exp(-np.clip(table @ found, -30, 30)))
        gradient = table.T @ (truth - odds) - penalty * found
        curvature = (table * (odds * (1 - odds))[:, None]).T @ table + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        found = found + step
        if np.abs(step).max() < 1e-6:
            break
    return found[:-1], float(found[-1])

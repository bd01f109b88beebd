"""Gradient-boosted trees for a few hundred labels: Newton steps on the logistic loss, histograms of 32 bins.

Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics 29(5), 2001, with the
second-order gain of Chen and Guestrin, "XGBoost", KDD 2016, and Friedman's stochastic sampling of rows (2002).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipstream.caching.semantic.scorer import DEPTH, Tree

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float64]

ROUNDS = 60
RATE = 0.1
_BINS = 32
_ROWS = 0.7
_COLUMNS = 0.35
_SMALLEST_LEAF = 3
_RIDGE = 1.0


def boost(rows: Floats, equal: Floats, *, seed: int = 0) -> tuple[tuple[Tree, ...], float]:
    """Trees and the log odds that they start from. ``rows``: n × features; ``equal``: n of 0 and 1, both present."""
    import numpy as np

    random = np.random.default_rng(seed)
    edges = [np.unique(np.quantile(column, np.linspace(0, 1, _BINS + 1)[1:-1])) for column in rows.T]
    places = (np.searchsorted(edge, column) for edge, column in zip(edges, rows.T, strict=True))
    binned = np.column_stack(list(places))
    share = float(equal.mean())
    start = float(np.log(share / (1 - share)))
    margin = np.full(len(rows), start)
    trees = []
    for _ in range(ROUNDS):
        odds = 1 / (1 + np.exp(-margin))
        chosen = random.random(len(rows)) < _ROWS
        columns = np.sort(random.permutation(rows.shape[1])[: max(1, round(_COLUMNS * rows.shape[1]))])
        tree, leaf = _grow(binned, edges, (equal - odds) * chosen, odds * (1 - odds) * chosen, chosen, columns)
        trees.append(tree)
        margin += np.asarray(tree.leaves)[leaf]
    return tuple(trees), start


def _grow(
    binned: NDArray[numpy.int64], edges: list[Floats], gradient: Floats, hessian: Floats, chosen: NDArray[numpy.bool_],
    columns: NDArray[numpy.int64],
) -> tuple[Tree, NDArray[numpy.int64]]:  # fmt: skip
    """One tree, and the leaf of each row. A node that nothing parts well sends all rows to the left."""
    import numpy as np

    node = np.zeros(len(binned), np.int64)
    features, thresholds = [], []
    for level in range(DEPTH):
        width = 1 << level
        for at in range(width):
            inside = node == at
            feature, threshold = _split(
                binned[inside & chosen], gradient[inside & chosen], hessian[inside & chosen], edges, columns
            )
            features.append(feature)
            thresholds.append(threshold)
        first = width - 1
        feature_of = np.asarray(features[first:])[node]
        edge_of = np.asarray(
            [
                np.searchsorted(edges[feature], threshold, side="left") if np.isfinite(threshold) else _BINS
                for feature, threshold in zip(features[first:], thresholds[first:], strict=True)
            ]
        )[node]
        node = 2 * node + (binned[np.arange(len(binned)), feature_of] > edge_of)
    sums = np.bincount(node, gradient, 1 << DEPTH)
    weights = np.bincount(node, hessian, 1 << DEPTH)
    leaves = RATE * sums / (weights + _RIDGE)
    return Tree(tuple(features), tuple(thresholds), tuple(map(float, leaves))), node


def _split(
    binned: NDArray[numpy.int64], gradient: Floats, hessian: Floats, edges: list[Floats], columns: NDArray[numpy.int64]
) -> tuple[int, float]:
    """The column and threshold of the largest gain; (0, infinity) where there is none."""
    import numpy as np

    if len(binned) < 2 * _SMALLEST_LEAF:
        return 0, float("inf")
    width = len(columns)
    places = (binned[:, columns] + np.arange(width) * _BINS).ravel()
    size = width * _BINS

    def left(weights: Floats) -> Floats:
        found: Floats = np.bincount(places, np.repeat(weights, width), size).reshape(width, _BINS).cumsum(1)
        return found

    sums, weights, counts = left(gradient), left(hessian), left(np.ones(len(binned)))
    total, weight = gradient.sum(), hessian.sum()
    gain = sums**2 / (weights + _RIDGE) + (total - sums) ** 2 / (weight - weights + _RIDGE)
    allowed = (counts >= _SMALLEST_LEAF) & (len(binned) - counts >= _SMALLEST_LEAF)
    allowed &= np.arange(_BINS) < np.asarray([len(edges[column]) for column in columns])[:, None]
    gain = np.where(allowed, gain, -np.inf)
    best = int(gain.argmax())
    column, place = int(columns[best // _BINS]), best % _BINS
    if not gain.flat[best] > total**2 / (weight + _RIDGE) + 1e-9:
        return 0, float("inf")
    return column, float(edges[column][place])

"""Gradient-boosted trees for a few hundred labels: Newton steps on the logistic loss, histograms of 32 bins.

Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics 29(5), 2001, with the
second-order gain of Chen and Guestrin, "XGBoost", KDD 2016, and Friedman's stochastic sampling of rows (2002).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipstream.caching.semantic.scorer import DEPTH, Tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy
    from numpy.typing import NDArray

    Floats = NDArray[numpy.float64]

ROUNDS = 100
RATE = 0.1
_BINS = 32
_ROWS = 0.7
_COLUMNS = 0.35
_SMALLEST_LEAF = 3
_RIDGE = 0.3
_FEWEST_COLUMNS = 3
_NO_SPLIT = 1e300
"""A threshold that nothing passes; infinity has no place in JSON."""


def boost(rows: Floats, equal: Floats, *, seed: int = 0) -> tuple[tuple[Tree, ...], float]:
    """Trees and the log odds that they start from. ``rows``: n × features; ``equal``: n of 0 and 1, both present."""
    import numpy as np

    random = np.random.default_rng(seed)
    quantiles = np.quantile(rows, np.linspace(0, 1, _BINS + 1)[1:-1], axis=0)
    edges = [np.unique(column) for column in quantiles.T]
    places = (np.searchsorted(edge, column) for edge, column in zip(edges, rows.T, strict=True))
    binned = np.column_stack(list(places))
    share = float(equal.mean())
    start = float(np.log(share / (1 - share)))
    margin = np.full(len(rows), start)
    trees = []
    for _ in range(ROUNDS):
        odds = 1 / (1 + np.exp(-margin))
        drawn = (random.random(len(rows)) < _ROWS).astype(np.float64)
        columns = np.sort(random.permutation(rows.shape[1])[: max(_FEWEST_COLUMNS, round(_COLUMNS * rows.shape[1]))])
        steps = np.stack([(equal - odds) * drawn, odds * (1 - odds) * drawn, drawn])
        tree, leaf = _grow(binned, edges, steps, columns)
        trees.append(tree)
        margin += np.asarray(tree.leaves)[leaf]
    return tuple(trees), start


def _grow(
    binned: NDArray[numpy.int64], edges: Sequence[Floats], steps: Floats, columns: NDArray[numpy.int64]
) -> tuple[Tree, NDArray[numpy.int64]]:
    """One tree, and the leaf of each row. ``steps``: gradient, curvature and count of each row, 3 × n.

    A node that nothing parts well sends all its rows to the left.
    """
    import numpy as np

    node = np.zeros(len(binned), np.int64)
    known = binned[:, columns]
    last = np.asarray([len(edges[column]) for column in columns])
    features: list[int] = []
    thresholds: list[float] = []
    for level in range(DEPTH):
        width = 1 << level
        split, place = _splits(known, node, steps, last, width)
        parted = place >= 0
        features += np.where(parted, columns[split], 0).tolist()
        chosen = zip(columns[split], place, parted, strict=True)
        thresholds += [float(edges[column][at]) if apart else _NO_SPLIT for column, at, apart in chosen]
        right = known[np.arange(len(known)), split[node]] > place[node]
        node = 2 * node + (right & parted[node])
    gradient, curvature = (np.bincount(node, step, 1 << DEPTH) for step in steps[:2])
    leaves = RATE * gradient / (curvature + _RIDGE)
    return Tree(tuple(features), tuple(thresholds), tuple(leaves.tolist())), node


def _splits(
    known: NDArray[numpy.int64], node: NDArray[numpy.int64], steps: Floats, last: NDArray[numpy.int64], width: int
) -> tuple[NDArray[numpy.int64], NDArray[numpy.int64]]:
    """Of each of ``width`` nodes the column (its place among the drawn) and bin of the largest gain (-1: none)."""
    import numpy as np

    count = known.shape[1]
    places = ((node[:, None] * count + np.arange(count)) * _BINS + known).ravel()
    shape = (width, count, _BINS)
    left = np.stack([np.bincount(places, np.repeat(step, count), width * count * _BINS) for step in steps])
    left = left.reshape(3, *shape).cumsum(3)
    total = left[:, :, :1, -1:]
    right = total - left
    gain = left[0] ** 2 / (left[1] + _RIDGE) + right[0] ** 2 / (right[1] + _RIDGE)
    allowed = (left[2] >= _SMALLEST_LEAF) & (right[2] >= _SMALLEST_LEAF) & (np.arange(_BINS) < last[:, None])
    flat = np.where(allowed, gain, -np.inf).reshape(width, -1)
    best = flat.argmax(1)
    whole = (total[0] ** 2 / (total[1] + _RIDGE)).reshape(width)
    parted = flat[np.arange(width), best] > whole + 1e-9
    return best // _BINS, np.where(parted, best % _BINS, -1)

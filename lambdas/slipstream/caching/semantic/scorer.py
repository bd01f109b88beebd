"""What has been learnt, as data: a weighted sum and small trees over a pair's features. Plain Python, some 30 µs."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

DEPTH = 3
_STEEPEST = 8.0


class Tree(msgspec.Struct, frozen=True, array_like=True):
    """A complete tree of ``DEPTH`` levels: 7 splits in breadth-first order, 8 leaves. Right where value > threshold."""

    features: tuple[int, ...]
    thresholds: tuple[float, ...]
    leaves: tuple[float, ...]


class Scorer(msgspec.Struct, frozen=True):
    """Log odds that both questions have the same answer, by what the labels have taught."""

    names: tuple[str, ...]
    """Of the features, in the order that everything below counts in."""
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    trees: tuple[Tree, ...] = ()
    trees_bias: float = 0.0
    trees_share: float = 0.0
    """Part of the score that the trees make, 0 to 1; the weighted sum makes the rest."""

    def score(self, features: Mapping[str, float]) -> float:
        """Higher is likelier the same. Raises KeyError for features that this scorer was not fitted on."""
        values = [features[name] for name in self.names]
        linear = self.bias + sum(
            weight * (value - mean) / scale
            for weight, value, mean, scale in zip(self.weights, values, self.means, self.scales, strict=True)
        )
        if not self.trees_share:
            return linear
        grown = self.trees_bias + sum(_leaf(tree, values) for tree in self.trees)
        grown = max(-_STEEPEST, min(_STEEPEST, grown))
        return self.trees_share * grown + (1 - self.trees_share) * linear


def _leaf(tree: Tree, values: list[float]) -> float:
    node = 0
    for _ in range(DEPTH):
        node = 2 * node + (2 if values[tree.features[node]] > tree.thresholds[node] else 1)
    return tree.leaves[node - (1 << DEPTH) + 1]

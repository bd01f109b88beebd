"""Exact cosines of one vector with many; with numpy where it is installed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import mul
from typing import Any


class Vectors:
    """Numbered vectors of one length. What is computed over all of them is kept until one changes."""

    def __init__(self) -> None:
        self._vectors: dict[int, tuple[float, ...]] = {}
        self._matrix: tuple[list[int], Any] | None = None

    def add(self, number: int, vector: Sequence[float]) -> None:
        """Take a vector in, as a unit vector; it must not be all zeros."""
        length = math.sqrt(sum(component * component for component in vector))
        self._vectors[number] = tuple([component / length for component in vector])
        self._matrix = None

    def remove(self, number: int) -> None:
        """Take a vector out."""
        if self._vectors.pop(number, None) is not None:
            self._matrix = None

    def cosines(self, vector: Sequence[float]) -> Mapping[int, float]:
        """Number → cosine with ``vector``, of all."""
        length = math.sqrt(sum(component * component for component in vector))
        if not length or not self._vectors:
            return {}
        unit = [component / length for component in vector]
        try:
            import numpy as np
        except ImportError:
            return {number: sum(map(mul, unit, other)) for number, other in self._vectors.items()}
        if self._matrix is None:
            self._matrix = list(self._vectors), np.array(list(self._vectors.values()), dtype=np.float32)
        numbers, matrix = self._matrix
        return dict(zip(numbers, (matrix @ np.array(unit, dtype=np.float32)).tolist(), strict=True))

"""Vectors of questions as they are kept: one signed byte a dimension, and their cosines, without numpy."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from operator import mul

STEPS = 127
_SIGNS = bytes(ord("1") if byte < 128 else ord("0") for byte in range(256))

dot = getattr(math, "sumprod", None) or (lambda one, other: sum(map(mul, one, other)))
"""Of two sequences of whole numbers, exactly; from Python 3.12 on in C."""


def packed(vector: Sequence[float]) -> bytes:
    """A vector of any length as a unit vector, value × 127; empty where it has no direction."""
    length = math.sqrt(sum(map(mul, vector, vector)))
    if not length or not math.isfinite(length):
        return b""
    scale = STEPS / length
    return array("b", [round(value * scale) for value in vector]).tobytes()


def unpacked(vector: bytes) -> array[int]:
    """Its components, from -127 to 127."""
    return array("b", vector)


def norm(components: Sequence[int]) -> float:
    """Length of what was rounded: near 127, nearer for few dimensions than for many."""
    return math.sqrt(dot(components, components))


def cosine(one: bytes, other: bytes) -> float:
    """Of two packed vectors of one length; within some thousandths of what they were before."""
    first, second = unpacked(one), unpacked(other)
    lengths = norm(first) * norm(second)
    return dot(first, second) / lengths if lengths else 0.0


def signs(vector: bytes) -> int:
    """A bit a dimension, 1 where it is not negative: bits that differ are, in expectation and for directions drawn at
    random, the angle's share of π (Charikar, "Similarity Estimation Techniques from Rounding Algorithms", STOC 2002).
    """
    return int(vector.translate(_SIGNS), 2) if vector else 0

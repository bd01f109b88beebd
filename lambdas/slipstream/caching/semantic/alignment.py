"""Two word sequences laid side by side: what stands in both in the same order, and the gaps between."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec

MAX_WORDS = 120
"""Longer questions are aligned by their first words only: the cost is quadratic."""


class Alignment(msgspec.Struct, frozen=True):
    """``pairs``: positions of the longest common subsequence, ascending in both."""

    pairs: tuple[tuple[int, int], ...]
    replaced: int
    """Gaps with words on both sides."""
    inserted: int
    """Gaps with words of the second only."""
    deleted: int
    """Gaps with words of the first only."""
    longest_run: int
    """Pairs in a row without a gap on either side."""


@lru_cache(maxsize=512)
def align(first: tuple[str, ...], second: tuple[str, ...]) -> Alignment:
    """Longest common subsequence (Hirschberg's problem, by plain dynamic programming)."""
    first, second = first[:MAX_WORDS], second[:MAX_WORDS]
    pairs = _common(first, second)
    replaced = inserted = deleted = run = longest = 0
    was = (-1, -1)
    for here in (*pairs, (len(first), len(second))):
        left, right = here[0] - was[0] - 1, here[1] - was[1] - 1
        replaced += bool(left and right)
        inserted += bool(right and not left)
        deleted += bool(left and not right)
        run = 1 if left or right else run + 1
        if here[0] < len(first):
            longest = max(longest, run)
        was = here
    return Alignment(pairs, replaced, inserted, deleted, longest)


def _common(first: Sequence[str], second: Sequence[str]) -> tuple[tuple[int, int], ...]:
    head = 0
    limit = min(len(first), len(second))
    while head < limit and first[head] == second[head]:
        head += 1
    tail = 0
    while tail < limit - head and first[-1 - tail] == second[-1 - tail]:
        tail += 1
    rows, columns = len(first) - head - tail, len(second) - head - tail
    middle = _table(first[head : head + rows], second[head : head + columns])
    pairs = [(at, at) for at in range(head)]
    row = column = 0
    while row < rows and column < columns:
        if first[head + row] == second[head + column]:
            pairs.append((head + row, head + column))
            row, column = row + 1, column + 1
        elif middle[row + 1][column] >= middle[row][column + 1]:
            row += 1
        else:
            column += 1
    pairs += [(len(first) - at, len(second) - at) for at in range(tail, 0, -1)]
    return tuple(pairs)


def _table(first: Sequence[str], second: Sequence[str]) -> list[list[int]]:
    """Lengths of the common subsequences of all suffixes."""
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for row in range(len(first) - 1, -1, -1):
        word, below, own = first[row], table[row + 1], table[row]
        for column in range(len(second) - 1, -1, -1):
            if word == second[column]:
                own[column] = below[column + 1] + 1
            else:
                own[column] = below[column] if below[column] >= own[column + 1] else own[column + 1]
    return table

"""Questions of one family in memory, found by meaning: signs first, then exact cosines of the nearest by signs."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Mapping
from heapq import nsmallest
from threading import Lock
from typing import NamedTuple

import msgspec

from slipstream.caching.semantic.neighbourhood import DEPTH, Neighbourhood
from slipstream.caching.semantic.ports import Known
from slipstream.caching.semantic.vectors import cosine as packed_cosine
from slipstream.caching.semantic.vectors import dot, norm, signs, unpacked

MOST = 10_000
PRESELECTED = 64
"""Questions that are compared exactly."""
_OVERHEAD_BYTES = 900
"""What a question takes in memory besides its vector and twice its text."""


class Candidate(msgspec.Struct, frozen=True):
    """A question with an answer of its own, and how near it is to the asked one."""

    known: Known
    cosine: float
    near: tuple[tuple[str, float], ...]
    """The asked one's neighbours, keys and cosines, nearest first; the two themselves are not among them."""


class _Kept(NamedTuple):
    known: Known
    components: array[int]
    norm: float


class QuestionIndex:
    """Safe for threads. Beyond ``most`` questions, those taken in longest ago go.

    What is found is approximate where there are more than ``PRESELECTED``: a question whose signs differ from the
    asked one's in more places than 64 others' do is overlooked.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: dict[str, _Kept] = {}
        self._slots: dict[str, int] = {}
        self._keys: list[str] = []
        self._signs: list[int] = []
        self._lock = Lock()
        self.bytes = 0
        """An estimate of what it takes."""

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, questions: Iterable[Known]) -> None:
        """Take questions in. One that is known already is replaced by a newer one."""
        for known in questions:
            if not known.vector:
                continue
            components = unpacked(known.vector)
            kept, bits = _Kept(known, components, norm(components)), signs(known.vector)
            with self._lock:
                before = self._kept.get(known.key)
                if before is not None and before.known.asked_s > known.asked_s:
                    continue
                self._remove(known.key)
                self._slots[known.key] = len(self._keys)
                self._kept[known.key] = kept
                self._keys.append(known.key)
                self._signs.append(bits)
                self.bytes += _size(known)
                while len(self._keys) > self._most:
                    self._remove(next(iter(self._kept)))

    def remove(self, key: str) -> None:
        """Forget a question."""
        with self._lock:
            self._remove(key)

    def _remove(self, key: str) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        self.bytes -= _size(kept.known)
        slot, last = self._slots.pop(key), self._keys.pop()
        bits = self._signs.pop()
        if last != key:
            self._keys[slot], self._signs[slot], self._slots[last] = last, bits, slot

    def get(self, key: str) -> Known | None:
        """The question of a key."""
        kept = self._kept.get(key)
        return None if kept is None else kept.known

    def all(self) -> list[Known]:
        """Every question, the one taken in longest ago first."""
        with self._lock:
            return [kept.known for kept in self._kept.values()]

    def nearest(self, vector: bytes, *, but: str, now_s: float) -> Candidate | None:
        """The nearest question whose answer is its own and holds at ``now_s``; not ``but``, the asked one's key.

        A question that was answered with another's leads to that one. The cosines are those of packed vectors.
        """
        with self._lock:
            near = self._around(vector, {but})
            found = self._owner_nearest(vector, dict(near), but, now_s)
        if found is None:
            return None
        known, cosine = found
        return Candidate(known, cosine, tuple([one for one in near if one[0] != known.key][:DEPTH]))

    def neighbourhood(self, candidate: Candidate, *, but: str) -> Neighbourhood:
        """Where the candidate and the asked question, whose key is ``but``, stand among the others."""
        with self._lock:
            others = self._around(candidate.known.vector, {but, candidate.known.key})
        return Neighbourhood(candidate.near, tuple(others[:DEPTH]))

    def _owner_nearest(
        self, vector: bytes, near: Mapping[str, float], but: str, now_s: float
    ) -> tuple[Known, float] | None:  # fmt: skip
        """The nearest of those whose answers the near ones were given."""
        best: tuple[Known, float] | None = None
        for key in dict.fromkeys(self._kept[key].known.answer for key in near):
            kept = self._kept.get(key)
            if kept is None or key == but or kept.known.answer != key or kept.known.expires_s <= now_s:
                continue
            cosine = near.get(key)
            if cosine is None and len(kept.known.vector) == len(vector):
                cosine = packed_cosine(vector, kept.known.vector)
            if cosine is not None and (best is None or cosine > best[1]):
                best = kept.known, cosine
        return best

    def _around(self, vector: bytes, but: Collection[str]) -> list[tuple[str, float]]:
        """Keys and cosines of the nearest, nearest first."""
        if not vector:
            return []
        asked, bits = unpacked(vector), signs(vector)
        length = norm(asked)
        found = [
            (key, _cosine(asked, length, kept))
            for key in self._preselected(bits)
            if key not in but and len((kept := self._kept[key]).components) == len(asked)
        ]
        return sorted(found, key=lambda one: (-one[1], one[0]))

    def _preselected(self, bits: int) -> list[str]:
        keys = self._keys
        if len(keys) <= PRESELECTED:
            return keys
        apart = [(other ^ bits).bit_count() for other in self._signs]
        return [keys[slot] for slot in nsmallest(PRESELECTED, range(len(keys)), key=apart.__getitem__)]


def _cosine(asked: array[int], length: float, kept: _Kept) -> float:
    lengths = length * kept.norm
    return dot(asked, kept.components) / lengths if lengths else 0.0


def _size(known: Known) -> int:
    return 3 * len(known.vector) + 2 * len(known.text) + _OVERHEAD_BYTES

"""Families of questions in this environment's memory: loaded when first asked for, refreshed beside the request."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import NamedTuple

import msgspec

from slipstream.beside import Beside, Pending
from slipstream.caching.semantic.ports import Known, QuestionStore
from slipstream.caching.semantic.question_index import MOST, QuestionIndex

FIRST = 500
"""Questions that are read before the first search; the rest of a larger family follows behind it."""
LOADS_AT_ONCE = 4


class FamilyLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment keeps in memory, and how old it may be (s)."""

    families: int = 256
    questions: int = MOST
    """A family."""
    most_bytes: int = 64 * 1024 * 1024
    """Of all families; an estimate."""
    fresh_s: float = 5.0
    """What other environments learnt to know is asked for once it is older than this."""
    whole_s: float = 900.0
    """After this a family is read anew, so that what was removed elsewhere goes."""
    overlap_s: float = 5.0
    """How far a refresh reads back: clocks differ, and the table shows a write a moment later."""


class Place(NamedTuple):
    """A family in a namespace."""

    namespace: str
    family: str


class _Family:
    def __init__(self, most: int) -> None:
        self.index = QuestionIndex(most)
        self.loading: Pending[None] | None = None
        self.tried_s = 0.0
        self.loaded_s: float | None = None
        """When the store was last read whole; None: never."""
        self.refreshed_s = 0.0


class Families:
    """Safe for threads."""

    def __init__(
        self, store: QuestionStore, *, clock: Callable[[], float] = time.time, limits: FamilyLimits | None = None
    ) -> None:  # fmt: skip
        """``clock`` gives Unix time (s)."""
        self._store = store
        self._clock = clock
        self._limits = limits or FamilyLimits()
        self._families: OrderedDict[Place, _Family] = OrderedDict()
        self._lock = Lock()
        self._beside = Beside(LOADS_AT_ONCE)

    def begin(self, place: Place) -> Pending[None] | None:
        """See to it that the family's questions are here, and fresh; what comes of it raises what the store raises.

        None: there is nothing to wait for, since they are here, or are read anew behind the request.
        """
        with self._lock:
            family, now_s, limits = self._family(place), self._clock(), self._limits
            if now_s - family.tried_s <= limits.fresh_s or (family.loading is not None and not family.loading.done):
                return family.loading
            family.tried_s = now_s
            if family.loaded_s is not None and now_s - family.loaded_s > limits.whole_s:
                self._beside.start(lambda: self._load(place, family, now_s))
                return None
            reads = self._load if family.loaded_s is None else self._refresh
            family.loading = self._beside.start(lambda: reads(place, family, now_s))
            return family.loading

    def index(self, place: Place) -> QuestionIndex:
        """What is known of the family here and now."""
        with self._lock:
            return self._family(place).index

    def loaded(self, place: Place) -> bool:
        """Whether the family was read, be it a while ago."""
        with self._lock:
            return self._family(place).loaded_s is not None

    def learn(self, place: Place, known: Known) -> None:
        """Keep a question, here and in the store. Raises what the store raises."""
        self._store.put(place.namespace, place.family, known)
        self.index(place).add([known])
        self._trim()

    def forget(self, place: Place, key: str) -> None:
        """Remove a question that leads nowhere, here and in the store. Raises what the store raises."""
        self.index(place).remove(key)
        self._store.remove(place.namespace, place.family, key)

    def find(self, place: Place, key: str) -> Known | None:
        """A question as it stands in the store, read consistently. Raises what that raises."""
        return self._store.find(place.namespace, place.family, key)

    def _family(self, place: Place) -> _Family:
        family = self._families.get(place)
        if family is None:
            family = self._families[place] = _Family(self._limits.questions)
        self._families.move_to_end(place)
        while len(self._families) > self._limits.families:
            self._families.popitem(last=False)
        return family

    def _load(self, place: Place, family: _Family, now_s: float) -> None:
        """Read the newest, and behind the request the rest of a large family."""
        first, most = family.loaded_s is None, self._limits.questions
        limit = min(FIRST, most) if first else most
        found = self._store.newest(*place, limit=limit)
        self._replace(family, found, now_s)
        if first and len(found) == limit < most:
            self._beside.start(lambda: self._load(place, family, now_s))

    def _replace(self, family: _Family, found: Sequence[Known], now_s: float) -> None:
        index, since_s = QuestionIndex(self._limits.questions), now_s - self._limits.overlap_s
        index.add(reversed(found))
        with self._lock:
            index.add(one for one in family.index.all() if one.asked_s >= since_s)  # what was learnt here meanwhile
            family.index, family.loaded_s, family.refreshed_s = index, now_s, now_s
        self._trim()

    def _refresh(self, place: Place, family: _Family, now_s: float) -> None:
        since_s = family.refreshed_s - self._limits.overlap_s
        family.index.add(reversed(self._store.newest(*place, since_s=since_s, limit=self._limits.questions)))
        family.refreshed_s = now_s
        self._trim()

    def _trim(self) -> None:
        """Let the families go that were asked for longest ago, all but one."""
        with self._lock:
            taken = sum(one.index.bytes for one in self._families.values())
            while len(self._families) > 1 and taken > self._limits.most_bytes:
                taken -= self._families.popitem(last=False)[1].index.bytes

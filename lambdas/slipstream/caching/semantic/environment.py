"""What one environment knows of each namespace's learning: read behind requests, written after the last byte."""

from __future__ import annotations

import math
import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Lock

import msgspec

from slipstream.caching.entry import Answered
from slipstream.caching.semantic.comparison import Judge, compare
from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.policy import Label, Sampling, Seen
from slipstream.caching.semantic.ports import LearningStore, Progress, Verdict
from slipstream.caching.semantic.verifier import Calibration, Verifier, of_pair, shipped
from slipstream.errors import SlipstreamError

REFRESH_S = 60.0
"""How old what is known here may grow before it is looked whether something newer stands there."""
LOOKS, LOOKS_S = 8, 60.0
"""Looks that are written at once, or how long the first of them may wait."""
LOOKS_SHARE = 0.25
"""Part of the looks that is kept where the first labels are there; before, all are."""
MOST_CHARS = 8_000
"""Of a question; pairs with a longer one are not written."""
MOST_WAITING = 100
MOST_NAMESPACES = 64


class _Known:
    """One namespace, as known here."""

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self.verifier = Verifier(calibration)
        self.progress = Progress()
        self.drawn_here = 0
        self.read_s = -math.inf
        self.told: deque[tuple[str, Label]] = deque(maxlen=MOST_WAITING)
        self.looked: deque[tuple[str, Seen]] = deque(maxlen=MOST_WAITING)
        self.looked_s = 0.0
        self.wrong: deque[str] = deque(maxlen=MOST_WAITING)

    @property
    def drawn(self) -> int:
        """Labels by checks, those that were told here since the count was read included."""
        return self.progress.drawn + self.drawn_here

    def reads(self, calibration: Calibration) -> None:
        """From now on this one decides, less the pairs that were found wrong here meanwhile."""
        self.calibration = calibration
        self.verifier = Verifier(msgspec.structs.replace(calibration, wrong=calibration.wrong | set(self.wrong)))


class EnvironmentLearning:
    """A Learning over a store. Built once an environment; safe for threads."""

    def __init__(
        self,
        store: LearningStore,
        *,
        epsilon: float,
        sampling: Sampling | None = None,
        judge: Judge | None = None,
        clock: Callable[[], float] = time.time,
        chance: random.Random | None = None,
        told: Callable[[], object] | None = None,
    ) -> None:
        """``epsilon``: acceptable share of wrong hits. ``clock``: Unix time (s). ``told``: called when labels have been
        written, where nothing else learns from them.
        """
        self._store = store
        self._epsilon = epsilon
        self._sampling = sampling or Sampling()
        self._judge = judge
        self._clock = clock
        self._chance = chance or random.SystemRandom()
        self._told = told
        self._all: OrderedDict[str, _Known] = OrderedDict()
        self._lock = Lock()

    def verifier(self, namespace: str) -> Verifier:
        """See Learning."""
        with self._lock:
            return self._of(namespace).verifier

    def wants_check(self, namespace: str, *, sure: bool = False) -> bool:
        """See Learning."""
        with self._lock:
            share = self._sampling.steady if sure else self._sampling.share(self._of(namespace).drawn)
            return self._chance.random() < share

    def looked(self, namespace: str, family: str, pair: Pair) -> None:
        """See Learning."""
        if (seen := _seen(pair)) is None:
            return
        with self._lock:
            known = self._of(namespace)
            if known.drawn >= self._sampling.first and self._chance.random() >= LOOKS_SHARE:
                return
            if not known.looked:
                known.looked_s = self._clock()
            known.looked.append((family, seen))

    def compare(self, fresh: Answered, kept: Answered) -> Verdict:
        """See Learning."""
        return compare(fresh, kept, self._judge)

    def tell(self, namespace: str, family: str, pair: Pair, *, equal: bool, drawn: bool) -> None:
        """See Learning. A pair that differs is not served here again, from now on."""
        if (seen := _seen(pair)) is None:
            return
        with self._lock:
            known = self._of(namespace)
            known.told.append((family, Label(seen, equal, drawn)))
            known.drawn_here += drawn
        if not equal:
            self.refuse(namespace, seen.asked, seen.candidate)

    def learns(self) -> None:
        """A label was written past this: begin to learn from it, where nothing else does."""
        if self._told is not None:
            self._told()

    def refuse(self, namespace: str, asked: str, candidate: str) -> None:
        """Serve this pair no more, from now on and here; elsewhere once its label has been learnt from."""
        with self._lock:
            known = self._of(namespace)
            known.wrong.append(of_pair(asked, candidate))
            known.reads(known.calibration)

    def settle(self, namespace: str) -> None:
        """See Learning."""
        try:
            self._write_labels(namespace)
            self._write_looks(namespace)
            self._read(namespace)
        except SlipstreamError:
            return  # what waits is written with a later request

    def _of(self, namespace: str) -> _Known:
        known = self._all.get(namespace)
        if known is None:
            known = self._all[namespace] = _Known(msgspec.structs.replace(shipped(), epsilon=self._epsilon))
            while len(self._all) > MOST_NAMESPACES:
                self._all.popitem(last=False)
        self._all.move_to_end(namespace)
        return known

    def _write_labels(self, namespace: str) -> None:
        written = False
        while True:
            with self._lock:
                told = self._of(namespace).told
                if not told:
                    break
                family, label = told.popleft()
            try:
                self._store.tell(namespace, family, label)
            except SlipstreamError:
                with self._lock:
                    self._of(namespace).told.appendleft((family, label))
                raise
            written = True
        if written:
            self.learns()

    def _write_looks(self, namespace: str) -> None:
        with self._lock:
            known = self._of(namespace)
            waits_s = self._clock() - known.looked_s
            early = known.drawn < self._sampling.first
            if not known.looked or not (early or len(known.looked) >= LOOKS or waits_s >= LOOKS_S):
                return
            looked = list(known.looked)
            known.looked.clear()
        self._store.looked(namespace, looked)  # lost where it fails: a sample has no need of any one

    def _read(self, namespace: str) -> None:
        with self._lock:
            known, now_s = self._of(namespace), self._clock()
            if now_s - known.read_s < REFRESH_S:
                return
            known.read_s = now_s  # also where it fails: not again with each request
        progress = self._store.progress(namespace)
        newer = progress.learnt and progress.learnt != known.progress.learnt
        calibration = self._store.calibration(namespace) if newer else None
        with self._lock:
            known.drawn_here = 0
            # One that cannot be read (a newer release's) is looked for again.
            read = calibration is not None or not newer
            known.progress = progress if read else msgspec.structs.replace(progress, learnt=known.progress.learnt)
            if calibration is not None:
                known.reads(self._trusted(calibration))

    def _trusted(self, calibration: Calibration) -> Calibration:
        """As it is, or without its cut where that was set for a larger ε than is acceptable now."""
        loose = calibration.epsilon > self._epsilon
        return msgspec.structs.replace(calibration, epsilon=self._epsilon, cut=None) if loose else calibration


def _seen(pair: Pair) -> Seen | None:
    """As it is stored; None of one too long for that."""
    if max(len(pair.asked.text), len(pair.candidate.text)) > MOST_CHARS:
        return None
    return Seen(pair.asked.text, pair.candidate.text, pair.cosine)

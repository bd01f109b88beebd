"""How a verifier does on pairs whose truth is known: as shipped, and learning as it would in use."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from slipstream.caching.semantic.calibration import upper_bound
from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.neighbourhood import DEPTH, Neighbourhood
from slipstream.caching.semantic.policy import Policy, Sampling
from slipstream.caching.semantic.reading import read
from slipstream.caching.semantic.verifier import Calibration, Verifier

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

ORDERS = 10
WARM_UP = 0.2
"""Part of each order that is not counted in the rates."""
LABELLED = 0.1
"""Part of the pairs that may be checked."""
_EAGER = 0.6


class Judged(msgspec.Struct, frozen=True):
    """Two questions, and whether one answer fits both."""

    asked: str
    candidate: str
    equal: bool


class Run(msgspec.Struct, frozen=True):
    """One pass over all pairs. Counts are of what follows the warm-up; ``early`` ones of the warm-up itself."""

    served: int
    wrong: int
    true_pairs: int
    labels: int
    early_served: int = 0
    early_wrong: int = 0
    checked_hits: int = 0
    """Checks of pairs that had been served: calls to the model that a hit did not save."""

    @property
    def true_hit_rate(self) -> float:
        """Part of the true pairs that was served, 0 to 1."""
        return (self.served - self.wrong) / self.true_pairs if self.true_pairs else 0.0

    @property
    def false_hit_rate(self) -> float:
        """Part of what was served that was wrong, 0 to 1."""
        return self.wrong / self.served if self.served else 0.0


class Corpus:
    """All texts of a set with their unit vectors, and the nearest of each by number, nearest first."""

    def __init__(self, texts: Sequence[str], vectors: NDArray[numpy.float32], near: Sequence[Sequence[int]]) -> None:
        self.place = {text: at for at, text in enumerate(texts)}
        self._vectors = vectors
        self._near = near

    def cosine(self, one: str, other: str) -> float:
        """Of two of the texts."""
        return self._cosine(self.place[one], self.place[other])

    def _cosine(self, one: int, other: int) -> float:
        return float(self._vectors[one] @ self._vectors[other])

    def stream(self) -> Stream:
        """A new, empty cache's view."""
        return Stream(self)

    def neighbours(self, text: str, without: str, seen: Sequence[bool]) -> tuple[tuple[int, float], ...]:
        """The nearest that were seen, less the two texts themselves."""
        own, other = self.place[text], self.place[without]
        found = (at for at in self._near[own] if seen[at] and at not in (own, other))
        return tuple((at, self._cosine(own, at)) for at in islice(found, DEPTH))


class Stream:
    """Which texts have been seen so far."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._seen = [False] * len(corpus.place)

    def around(self, asked: str, candidate: str) -> Neighbourhood:
        """Both texts' neighbours among those seen by now."""
        corpus = self._corpus
        return Neighbourhood(
            corpus.neighbours(asked, candidate, self._seen), corpus.neighbours(candidate, asked, self._seen)
        )

    def pair(self, judged: Judged) -> Pair:
        """The pair as a request would see it."""
        return Pair(
            read(judged.asked), read(judged.candidate), self._corpus.cosine(judged.asked, judged.candidate),
            self.around(judged.asked, judged.candidate),
        )  # fmt: skip

    def add(self, judged: Judged) -> None:
        """Both texts are known from now on."""
        for text in (judged.asked, judged.candidate):
            self._seen[self._corpus.place[text]] = True


def as_shipped(pairs: Sequence[Judged], corpus: Corpus, calibration: Calibration) -> Run:
    """All pairs, no label seen."""
    verifier, stream = Verifier(calibration), corpus.stream()
    hits = [one for one in pairs if verifier.decide(stream.pair(one)).serve]
    return Run(len(hits), sum(not one.equal for one in hits), sum(one.equal for one in pairs), 0)


def online(pairs: Sequence[Judged], corpus: Corpus, calibration: Calibration, *, seed: int) -> tuple[Run, Policy]:
    """One seeded order of the pairs, learning on the way."""
    chance = random.Random(seed)  # noqa: S311 - an order to be repeated
    order = chance.sample(list(pairs), len(pairs))
    budget = int(LABELLED * len(pairs))
    stream = corpus.stream()
    policy = Policy(
        calibration, stream.around, sampling=Sampling(first=budget, eager=_EAGER, steady=0.0), chance=chance
    )
    begin = int(WARM_UP * len(pairs))
    hits: list[tuple[int, bool]] = []
    labels = checked = 0
    for number, judged in enumerate(order):
        pair = stream.pair(judged)
        decision = policy.look(pair)
        stream.add(judged)
        if decision.serve:
            hits.append((number, judged.equal))
        if policy.wants_check(sure=decision.sure):
            policy.tell(pair, equal=judged.equal, drawn=not decision.sure)
            labels += 1
            checked += decision.serve
        if policy.due():
            policy.relearn()
    late = [equal for number, equal in hits if number >= begin]
    early = [equal for number, equal in hits if number < begin]
    true_pairs = sum(judged.equal for judged in order[begin:])
    return Run(len(late), late.count(False), true_pairs, labels, len(early), early.count(False), checked), policy


def summary(runs: Sequence[Run], epsilon: float) -> dict[str, Any]:
    """Means over the runs, and the spread. Rates are 0 to 1.

    ``false_hit_upper_95`` is of the mean rate: Clopper and Pearson's limit over all runs' hits as if each run's were
    the same requests again, so that repeating an order does not narrow it. ``regret``: wrong answers served while
    learning, beyond what ε allows, and hits that were checked and so saved no call.
    """
    mean = statistics.fmean
    served, wrong = mean(run.served for run in runs), mean(run.wrong for run in runs)
    return {
        "true_hit_rate": round(mean(run.true_hit_rate for run in runs), 4),
        "served": round(served, 1),
        "false_hit_rate": round(mean(run.false_hit_rate for run in runs), 5),
        "false_hit_upper_95": round(upper_bound(round(wrong), round(served)), 5),
        "labels_revealed": round(mean(run.labels for run in runs), 1),
        "wrong": round(wrong, 2),
    } | (
        {
            "regret": {
                "served": round(mean(run.early_served for run in runs), 1),
                "wrong": round(mean(run.early_wrong for run in runs), 2),
                "wrong_beyond_epsilon": round(
                    mean(max(0.0, run.early_wrong - epsilon * run.early_served) for run in runs), 2
                ),
                "hits_checked": round(mean(run.checked_hits for run in runs), 1),
            },
            "orders": [
                {
                    "true_hit_rate": round(run.true_hit_rate, 4),
                    "served": run.served,
                    "wrong": run.wrong,
                    "false_hit_rate": round(run.false_hit_rate, 5),
                    "false_hit_upper_95": round(upper_bound(run.wrong, run.served), 5),
                }
                for run in runs
            ],
        }
        if len(runs) > 1
        else {}
    )

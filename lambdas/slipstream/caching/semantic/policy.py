"""Learning while serving: which answers are checked, and what follows from the checks.

A *shadow call* asks the model although a candidate was found, and compares its answer with the candidate's: that is a
label. While little is known, each candidate in other words is checked with the same chance, whatever it scores: labels
drawn so are what the bound rests on. One in the same words is seldom checked, and its label is none of those. What
users report about served answers is no random draw: it teaches, counts as wrong, and never as evidence that answers
are right.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from slipstream.caching.semantic.calibration import Cut, cut, fewest_labels
from slipstream.caching.semantic.conflicts import conflict
from slipstream.caching.semantic.features import Pair, featurize
from slipstream.caching.semantic.learning import learn
from slipstream.caching.semantic.neighbourhood import Neighbourhood
from slipstream.caching.semantic.rarity import Rarity
from slipstream.caching.semantic.reading import read
from slipstream.caching.semantic.same_words import same_words
from slipstream.caching.semantic.verifier import Calibration, Decision, Verifier, of_pair

Surroundings = Callable[[str, str], Neighbourhood]
"""The neighbours of two questions among those known by now."""


class Sampling(msgspec.Struct, frozen=True):
    """How many answers are checked: a share of ``eager`` until there are ``first`` labels, then ``steady``."""

    first: int = 300
    eager: float = 0.5
    steady: float = 0.01

    def share(self, drawn: int) -> float:
        """The chance with which a candidate is checked where ``drawn`` labels are known, whatever it scores.

        Not of one in the same words: see Decision.sure.
        """
        return self.eager if drawn < self.first else self.steady


class Seen(msgspec.Struct, frozen=True):
    """A pair that was looked at, as texts: its neighbourhood changes while the cache grows."""

    asked: str
    candidate: str
    cosine: float


class Label(msgspec.Struct, frozen=True):
    """What became known of a pair."""

    pair: Seen
    equal: bool
    drawn: bool = True
    """By a shadow call, at random among candidates in other words; else a reader's report, or of the same words."""


class Policy:
    """One namespace's learning in memory, as ``eval cache`` plays it. Not thread-safe.

    A deployment spreads the same over environments and a scheduled function (``environment``, ``learner``): labels
    are drawn by the same ``Sampling`` and learnt from by the same ``relearnt``. It learns again when its labels have
    grown by a fifth where this does when the pairs that were looked at have, and keeps a sample of the looks.

    ``epsilon``: the acceptable share of wrong answers among those served, 0 to 1 (exclusive).
    """

    RECENT = 400
    LABELS = 2000
    TEXTS = 20_000
    _GROWTH = 1.2

    def __init__(
        self, calibration: Calibration, surroundings: Surroundings, *, sampling: Sampling, chance: random.Random
    ) -> None:
        self.verifier = Verifier(calibration)
        self.sampling = sampling
        self.labels: deque[Label] = deque(maxlen=self.LABELS)
        self._recent: deque[Seen] = deque(maxlen=self.RECENT)
        self._surroundings = surroundings
        self._chance = chance
        self._texts: dict[str, None] = {}
        self._rarity = msgspec.structs.replace(calibration.rarity, counts=dict(calibration.rarity.counts))
        self._seen = 0
        self._drawn = 0
        self._due_at = 0.0

    def look(self, pair: Pair) -> Decision:
        """Decide, and remember that the pair was looked at."""
        decision = self.verifier.decide(pair)
        self._seen += 1
        if not decision.sure:
            self._recent.append(Seen(pair.asked.text, pair.candidate.text, pair.cosine))
        for reading in (pair.asked, pair.candidate):
            if reading.text not in self._texts:
                self._texts[reading.text] = None
                self._rarity.add(reading.content)
                if len(self._texts) > self.TEXTS:
                    del self._texts[next(iter(self._texts))]
        return decision

    def wants_check(self, *, sure: bool = False) -> bool:
        """Whether this candidate is to be checked by a shadow call: asked once for each, whatever its score.

        ``sure``: see Decision.
        """
        return self._chance.random() < (self.sampling.steady if sure else self.sampling.share(self._drawn))

    def tell(self, pair: Pair, *, equal: bool, drawn: bool = True) -> None:
        """What a shadow call (``drawn``) or a user's report found out about a pair."""
        self.labels.append(Label(Seen(pair.asked.text, pair.candidate.text, pair.cosine), equal, drawn))
        self._drawn += drawn
        if not drawn and not equal:
            self._due_at = 0.0

    def due(self) -> bool:
        """Whether there is enough that is new to learn again."""
        drawn = sum(label.drawn for label in self.labels)
        return enough(drawn, self.verifier.calibration.epsilon) and self._seen >= self._due_at

    def relearn(self) -> Calibration:
        """Learn from all labels, with the neighbourhoods of now, and set the score anew. Takes seconds."""
        self._due_at = self._seen * self._GROWTH
        labels = [(label, self._around(label.pair)) for label in self.labels]
        recent = [(seen, self._around(seen)) for seen in self._recent]
        rarity = msgspec.structs.replace(self._rarity, counts=dict(self._rarity.counts))
        calibration = relearnt(self.verifier.calibration, labels, recent, rarity)
        self.verifier = Verifier(calibration)
        return calibration

    def _around(self, seen: Seen) -> Neighbourhood:
        return self._surroundings(seen.asked, seen.candidate)


def enough(drawn: int, epsilon: float) -> bool:
    """Whether so many labels drawn at random can carry a decision at all."""
    return drawn >= fewest_labels(epsilon)


def relearnt(
    before: Calibration,
    labels: Sequence[tuple[Label, Neighbourhood]],
    recent: Sequence[tuple[Seen, Neighbourhood]],
    rarity: Rarity,
) -> Calibration:
    """What follows from labels and from candidates looked at lately, each with where its questions stand now.

    The one way of learning, in a deployment and in ``eval cache``. ``before`` gives ε. Takes seconds, and numpy.
    """
    ordered = sorted(labels, key=lambda known: not known[0].drawn)
    rows = [_features(label.pair, around, rarity) for label, around in ordered]
    known = learn(rows, [label.equal for label, _ in ordered])
    found, scorer = None, None
    if known is not None:
        scorer = known.scorer
        offered = [
            -math.inf if _forbidden(seen) else scorer.score(_features(seen, around, rarity)) for seen, around in recent
        ]
        found = _cut([label for label, _ in ordered], known.scores, offered, before.epsilon)
    return msgspec.structs.replace(
        before, scorer=scorer, cut=found, learnt=True, rarity=rarity,
        same_words=not any(not label.equal and _in_same_words(label.pair) for label, _ in labels),
        wrong=frozenset(of_pair(label.pair.asked, label.pair.candidate) for label, _ in labels if not label.equal),
    )  # fmt: skip


def _cut(labels: Sequence[Label], scores: Sequence[float], offered: Sequence[float], epsilon: float) -> Cut | None:
    barred = [-math.inf if _forbidden(label.pair) else score for label, score in zip(labels, scores, strict=True)]
    drawn = [at for at, label in enumerate(labels) if label.drawn]
    struck = [barred[at] for at, label in enumerate(labels) if not label.drawn and not label.equal]
    return cut([barred[at] for at in drawn], [labels[at].equal for at in drawn], offered, epsilon, struck=struck)


def _features(seen: Seen, around: Neighbourhood, rarity: Rarity) -> dict[str, float]:
    return featurize(Pair(read(seen.asked), read(seen.candidate), seen.cosine, around), rarity)


def _in_same_words(seen: Seen) -> bool:
    return same_words(seen.asked, seen.candidate)


def _forbidden(seen: Seen) -> bool:
    return conflict(read(seen.asked), read(seen.candidate)) is not None

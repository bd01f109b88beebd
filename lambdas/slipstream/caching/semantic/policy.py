"""Learning while serving: which answers are checked, and what follows from the checks.

A *shadow call* asks the model although a candidate was found, and compares its answer with the candidate's: that is a
label. While little is known, each candidate is checked with the same chance, whatever it scores: labels drawn so are
what the bound rests on. What users report about served answers is no random draw: it teaches, counts as wrong, and
never as evidence that answers are right.
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
from slipstream.caching.semantic.scorer import Scorer
from slipstream.caching.semantic.verifier import Calibration, Decision, Verifier

Surroundings = Callable[[str, str], Neighbourhood]
"""The neighbours of two questions among those known by now."""


class Sampling(msgspec.Struct, frozen=True):
    """How many answers are checked: a share of ``eager`` until there are ``first`` labels, then ``steady``."""

    first: int = 300
    eager: float = 0.5
    steady: float = 0.01


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
    """By a shadow call, at random; otherwise reported by a user."""


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a policy knows, to be stored: questions are in it as texts."""

    calibration: Calibration
    labels: tuple[Label, ...]
    recent: tuple[Seen, ...]
    seen: int
    drawn: int
    due_at: float
    rarity: Rarity


class Policy:
    """One namespace's learning. Not thread-safe; a host keeps one and hands its ``verifier`` to requests.

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

    def state(self) -> State:
        """What ``resumed`` goes on from."""
        return State(
            self.verifier.calibration, tuple(self.labels), tuple(self._recent), self._seen, self._drawn, self._due_at,
            self._rarity,
        )  # fmt: skip

    @classmethod
    def resumed(cls, state: State, surroundings: Surroundings, *, sampling: Sampling, chance: random.Random) -> Policy:
        """A policy that goes on where another stopped."""
        policy = cls(state.calibration, surroundings, sampling=sampling, chance=chance)
        policy.labels.extend(state.labels)
        policy._recent.extend(state.recent)
        policy._seen, policy._drawn, policy._due_at = state.seen, state.drawn, state.due_at
        policy._rarity = msgspec.structs.replace(state.rarity, counts=dict(state.rarity.counts))
        return policy

    def look(self, pair: Pair) -> Decision:
        """Decide, and remember that the pair was looked at."""
        decision = self.verifier.decide(pair)
        self._seen += 1
        self._recent.append(Seen(pair.asked.text, pair.candidate.text, pair.cosine))
        for reading in (pair.asked, pair.candidate):
            if reading.text not in self._texts:
                self._texts[reading.text] = None
                self._rarity.add(reading.content)
                if len(self._texts) > self.TEXTS:
                    del self._texts[next(iter(self._texts))]
        return decision

    def wants_check(self) -> bool:
        """Whether this candidate is to be checked by a shadow call: asked once for each, whatever its score."""
        share = self.sampling.eager if self._drawn < self.sampling.first else self.sampling.steady
        return self._chance.random() < share

    def tell(self, pair: Pair, *, equal: bool, drawn: bool = True) -> None:
        """What a shadow call (``drawn``) or a user's report found out about a pair."""
        self.labels.append(Label(Seen(pair.asked.text, pair.candidate.text, pair.cosine), equal, drawn))
        self._drawn += drawn
        if not drawn and not equal:
            self._due_at = 0.0

    def due(self) -> bool:
        """Whether there is enough that is new to learn again."""
        enough = sum(label.drawn for label in self.labels) >= fewest_labels(self.verifier.calibration.epsilon)
        return enough and self._seen >= self._due_at

    def relearn(self) -> Calibration:
        """Learn from all labels, with the neighbourhoods of now, and set the score anew. Takes seconds."""
        self._due_at = self._seen * self._GROWTH
        labels = sorted(self.labels, key=lambda label: not label.drawn)
        rows = [self._features(label.pair) for label in labels]
        known = learn(rows, [label.equal for label in labels])
        found, scorer = None, None
        if known is not None:
            scorer = known.scorer
            found = self._cut(labels, known.scores, scorer)
        calibration = msgspec.structs.replace(
            self.verifier.calibration, scorer=scorer, cut=found, learnt=True,
            rarity=msgspec.structs.replace(self._rarity, counts=dict(self._rarity.counts)),
        )  # fmt: skip
        self.verifier = Verifier(calibration)
        return calibration

    def _cut(self, labels: Sequence[Label], scores: Sequence[float], scorer: Scorer) -> Cut | None:
        barred = [-math.inf if _forbidden(label.pair) else score for label, score in zip(labels, scores, strict=True)]
        drawn = [at for at, label in enumerate(labels) if label.drawn]
        struck = [barred[at] for at, label in enumerate(labels) if not label.drawn and not label.equal]
        offered = [-math.inf if _forbidden(seen) else scorer.score(self._features(seen)) for seen in self._recent]
        epsilon = self.verifier.calibration.epsilon
        return cut([barred[at] for at in drawn], [labels[at].equal for at in drawn], offered, epsilon, struck=struck)

    def _features(self, seen: Seen) -> dict[str, float]:
        around = self._surroundings(seen.asked, seen.candidate)
        return featurize(Pair(read(seen.asked), read(seen.candidate), seen.cosine, around), self._rarity)


def _forbidden(seen: Seen) -> bool:
    return conflict(read(seen.asked), read(seen.candidate)) is not None

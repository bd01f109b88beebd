"""Streams of pairs of which the truth is known because it was planted: equal pairs are closer by their vectors."""

from __future__ import annotations

import random

from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.neighbourhood import Neighbourhood
from slipstream.caching.semantic.policy import Policy, Sampling
from slipstream.caching.semantic.reading import read
from slipstream.caching.semantic.verifier import Calibration

WORDS = [first + second + third for first in "bdgklm" for second in "aeiou" for third in ("rp", "nd", "lt", "sk", "mp")]


def stream(count: int, *, seed: int, apart: float, share: float = 0.7) -> list[tuple[Pair, bool]]:
    """Pairs of six words each, half of them in common; ``apart``: how much closer equal pairs are, in deviations."""
    chance = random.Random(seed)
    pairs = []
    for _ in range(count):
        drawn = chance.sample(WORDS, 9)
        equal = chance.random() < share
        cosine = chance.gauss(0.6 + 0.05 * apart * equal, 0.05)
        asked, candidate = " ".join(drawn[:6]), " ".join(drawn[3:])
        pairs.append((Pair(read(asked), read(candidate), cosine), equal))
    return pairs


def policy(*, first: int, epsilon: float = 0.02, seed: int = 1, steady: float = 0.0) -> Policy:
    return Policy(
        Calibration(epsilon=epsilon),
        lambda asked, candidate: Neighbourhood(),
        sampling=Sampling(first=first, eager=0.6, steady=steady),
        chance=random.Random(seed),
    )


def play(learner: Policy, pairs: list[tuple[Pair, bool]]) -> list[tuple[int, bool]]:
    """What was served: its place in the stream, and whether that was right."""
    served = []
    for at, (pair, equal) in enumerate(pairs):
        if learner.look(pair).serve:
            served.append((at, equal))
        if learner.wants_check():
            learner.tell(pair, equal=equal)
        if learner.due():
            learner.relearn()
    return served

"""Whether a question that has an answer is the question that was asked. On the request path: plain Python over data."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from importlib import resources
from typing import Any

import msgspec

from slipstream.caching.semantic.calibration import Cut
from slipstream.caching.semantic.conflicts import conflict
from slipstream.caching.semantic.features import Pair, featurize
from slipstream.caching.semantic.rarity import Rarity
from slipstream.caching.semantic.same_words import same_words
from slipstream.caching.semantic.scorer import Scorer
from slipstream.errors import InvalidRequest

VERSION = 1
SAME_WORDS = "same words"


class Decision(msgspec.Struct, frozen=True):
    """``serve``: the candidate's answer may be given. ``reason`` says what decided, in one word or two."""

    serve: bool
    reason: str
    score: float | None = None
    """Log odds of being the same, where something has been learnt."""
    needed: float | None = None
    """The score that would have been served."""

    @property
    def sure(self) -> bool:
        """Whether both are one question in the same words: no score decided, and none is to be learnt from it."""
        return self.reason == SAME_WORDS


class Provenance(msgspec.Struct, frozen=True):
    """What a calibration was made of, and how it did there."""

    sets: tuple[str, ...] = ()
    pairs: int = 0
    date: str = ""
    data_hash: str = ""
    """BLAKE2b-128 of the files, in hex."""
    served: dict[str, int] = {}
    wrong: dict[str, int] = {}


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a decision rests on. Without a scorer only questions in the same words are served."""

    epsilon: float = 0.01
    scorer: Scorer | None = None
    cut: Cut | None = None
    learnt: bool = False
    """Labels of this namespace have been learnt from: from then on they decide what is not in the same words."""
    rarity: Rarity = msgspec.field(default_factory=Rarity)
    same_words: bool = True
    """Questions in the same words (less courtesy and ways to begin) stand for one another; False once two differed.
    """
    wrong: frozenset[str] = frozenset()
    """Pairs that were found to differ (see ``of_pair``): they are refused, whatever they score."""
    version: int = VERSION
    provenance: Provenance = Provenance()


class Verifier:
    """Decides pair by pair by one calibration; thread-safe, as it keeps nothing."""

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration

    def decide(self, pair: Pair) -> Decision:
        """Some 300 µs. ``pair.asked`` is the question at hand, ``pair.candidate`` the one with an answer."""
        refused = conflict(pair.asked, pair.candidate)
        if refused is not None:
            return Decision(False, f"differs in {refused}")
        known = self.calibration
        if known.wrong and of_pair(pair.asked.text, pair.candidate.text) in known.wrong:
            return Decision(False, "known to differ")
        if known.same_words and same_words(pair.asked.text, pair.candidate.text):
            return Decision(True, SAME_WORDS)
        if not known.learnt:
            return Decision(False, "too little evidence")
        if known.scorer is None:
            return Decision(False, "nothing to be learnt")
        score = known.scorer.score(featurize(pair, known.rarity))
        if known.cut is None:
            return Decision(False, "no safe score", score)
        served = score >= known.cut.score
        return Decision(served, "learnt" if served else "not sure", score, known.cut.score)


def of_pair(one: str, other: str) -> str:
    """Two questions' own sign, the same both ways round: BLAKE2b-64, hex."""
    return blake2b("\0".join(sorted((one, other))).encode("utf-8", "replace"), digest_size=8).hexdigest()


def calibration_from(data: bytes) -> Calibration:
    """A calibration that was stored. Raises InvalidRequest for one of another version or none at all."""
    try:
        version = msgspec.json.decode(data, type=_Versioned).version
        if version != VERSION:
            raise InvalidRequest(
                f"this calibration has version {version}, and this release reads {VERSION}; "
                "start again with the shipped one, which learns anew.",
                param="calibration",
            )
        return msgspec.json.decode(data, type=Calibration)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(
            f"this is no calibration of the semantic cache: {error}. Start again with the shipped one.",
            param="calibration",
        ) from error


class _Versioned(msgspec.Struct):
    version: int


@lru_cache(maxsize=1)
def shipped() -> Calibration:
    """The calibration that comes with this version; it has seen no label of yours (docs/caching.md)."""
    return calibration_from(
        resources.files("slipstream.caching.semantic").joinpath("data/calibration.json").read_bytes()
    )


def encoded(calibration: Calibration) -> bytes:
    """As ``calibration_from`` reads it."""
    data: Any = msgspec.json.encode(calibration)
    return bytes(data)

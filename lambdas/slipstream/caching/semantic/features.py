"""A pair of questions as numbers: what a learner weighs. Pure Python, some 200 µs a candidate."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

import msgspec

from slipstream.caching.semantic.alignment import align
from slipstream.caching.semantic.conflicts import broken
from slipstream.caching.semantic.neighbourhood import Neighbourhood
from slipstream.caching.semantic.rarity import Rarity
from slipstream.caching.semantic.reading import FUNCTION_WORDS, QUESTION_WORDS, REPAIRS, Reading, negated


class Pair(msgspec.Struct, frozen=True):
    """What was asked, a question that has an answer, and where both stand among the others."""

    asked: Reading
    candidate: Reading
    cosine: float
    neighbourhood: Neighbourhood = Neighbourhood()


def featurize(pair: Pair, rarity: Rarity) -> dict[str, float]:
    """All features, always the same ones in the same order."""
    return {
        "cosine": pair.cosine,
        **_content(pair.asked, pair.candidate, rarity),
        **_surface(pair.asked, pair.candidate),
        **_order(pair.asked, pair.candidate),
        **pair.neighbourhood.features(pair.cosine),
    }


def _content(asked: Reading, candidate: Reading, rarity: Rarity) -> dict[str, float]:
    """Overlap and what is left over on each side, by how rare the words are."""
    both = asked.content & candidate.content
    left, right = asked.content - both, candidate.content - both
    common, over, under = (math.fsum(map(rarity.of, words)) for words in (both, left, right))
    loose_left, loose_right = _unlike(left, right), _unlike(right, left)
    return {
        "overlap": _share(common, common + over + under),
        "asked_covered": _share(common, common + over),
        "candidate_covered": _share(common, common + under),
        "asked_left": over,
        "candidate_left": under,
        "both_left": min(over, under),
        "rarest_common": max(map(rarity.of, both), default=0.0),
        "common": common,
        "asked_unlike": loose_left,
        "candidate_unlike": loose_right,
    }


def _surface(asked: Reading, candidate: Reading) -> dict[str, float]:
    asked_words, candidate_words = set(asked.words), set(candidate.words)
    return {
        "broken_rules": float(len(broken(asked, candidate))),
        "numbers": float(len(asked.numbers ^ candidate.numbers)),
        "negation": float(negated(asked).isdisjoint(negated(candidate))),
        "same_question_word": float(_question_word(asked) == _question_word(candidate)),
        "asked_names": float(len(asked.names - candidate_words)),
        "candidate_names": float(len(candidate.names - asked_words)),
        "asked_function_words": float(len((asked_words - candidate_words) & FUNCTION_WORDS)),
        "candidate_function_words": float(len((candidate_words - asked_words) & FUNCTION_WORDS)),
        "repairs": float(_count(candidate.words, REPAIRS) - _count(asked.words, REPAIRS)),
        "trigrams": 2
        * len(asked.trigrams & candidate.trigrams)
        / max(1, len(asked.trigrams) + len(candidate.trigrams)),
    }


def _order(asked: Reading, candidate: Reading) -> dict[str, float]:
    alignment = align(asked.stems, candidate.stems)
    first, second = len(asked.stems), len(candidate.stems)
    shorter = max(1, min(first, second))
    return {
        "asked_aligned": len(alignment.pairs) / max(1, first),
        "candidate_aligned": len(alignment.pairs) / max(1, second),
        "replaced": float(alignment.replaced),
        "inserted": float(alignment.inserted),
        "deleted": float(alignment.deleted),
        "longest_run": alignment.longest_run / shorter,
        "same_beginning": _same(zip(asked.stems, candidate.stems, strict=False)) / shorter,
        "same_end": _same(zip(reversed(asked.stems), reversed(candidate.stems), strict=False)) / shorter,
        "longer_by": float(second - first),
    }


def _same(pairs: Iterable[tuple[str, str]]) -> int:
    count = 0
    for one, other in pairs:
        if one != other:
            break
        count += 1
    return count


def _question_word(reading: Reading) -> str:
    return next((word for word in reading.words if word in QUESTION_WORDS), "")


def _count(words: Iterable[str], among: Collection[str]) -> int:
    return sum(word in among for word in words)


def _unlike(words: Collection[str], others: Collection[str]) -> float:
    """How many words have nothing like them in the others, by their letters: a misspelt word counts little."""
    letters = [_bigrams(other) for other in others]
    return math.fsum(1 - max((_dice(_bigrams(word), other) for other in letters), default=0.0) for word in words)


def _bigrams(word: str) -> frozenset[str]:
    return frozenset(map("".join, zip(f"^{word}", f"{word}$", strict=True)))


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0

"""What makes two alike questions different ones, whatever has been learnt: a hit is refused with the reason.

Each rule asks for a difference that stands on *both* sides (ten against twenty, on against off), or for one that turns
a question round by itself (a negation, a number that only one has, another direction).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import pairwise

from slipstream.caching.semantic.alignment import align
from slipstream.caching.semantic.lexicon import exclusive, products, stem, vocabulary
from slipstream.caching.semantic.reading import FUNCTION_WORDS, REPAIRS, Reading, negated

ALIKE_SPELLING = 0.8
"""Ratio of letters from which two words count as one, misspelt."""

_SOURCE = frozenset({"from"})
_GOAL = frozenset({"to", "into", "onto"})
_PASSED = vocabulary("a an the my your our his her its their this that these those one any some")
_PLACING = vocabulary("in on at before after since until till by from over under above below than to")
_TURNING = ("un", "non", "in", "dis", "de", "ir", "im")
_CONFINING = vocabulary(
    "only except without unless solely exclusively besides never none nobody nothing longer vice former semi ex pseudo "
    "quasi anti"
)

NEAR = 0.6
"""Nearness from which two questions count as alike."""
NEAR_FOR_OPPOSITES = 0.4
"""The same for words that exclude one another: there is little else that they can mean."""
ALIKE_WORDING = 0.5
"""Share of both questions' words that stand in both in order, from which a negation decides."""


def conflict(asked: Reading, candidate: Reading) -> str | None:
    """The rule that forbids a hit, by name; None where none does. Symmetric in its arguments.

    Rules hold between questions that are alike (see ``nearness``): there one word decides. Where a question is worded
    altogether differently, a negation or a number proves little ("I can't find how to …"), and what has been learnt
    decides, with the broken rules among its evidence. Another name refuses always.
    """
    found = broken(asked, candidate)
    if not found:
        return None
    near = nearness(asked, candidate)
    worded_alike = 2 * _aligned(asked, candidate) >= ALIKE_WORDING * (len(asked.stems) + len(candidate.stems))
    forbids = {"names": True, "negation": worded_alike, "opposites": near >= NEAR_FOR_OPPOSITES}
    return next((name for name in found if forbids.get(name, near >= NEAR)), None)


def broken(asked: Reading, candidate: Reading) -> tuple[str, ...]:
    """All rules that the pair breaks."""
    return tuple(name for name, differ in _RULES.items() if differ(asked, candidate))


def nearness(asked: Reading, candidate: Reading) -> float:
    """How much of the shorter question stands in the other, 0 to 1: words in order, or meaningful words in any."""
    shorter = max(1, min(len(asked.stems), len(candidate.stems)))
    fewer = max(1, min(len(asked.content), len(candidate.content)))
    return max(_aligned(asked, candidate) / shorter, len(asked.content & candidate.content) / fewer)


def _aligned(asked: Reading, candidate: Reading) -> int:
    return len(align(asked.stems, candidate.stems).pairs)


def _numbers(first: Reading, second: Reading) -> bool:
    left, right = first.numbers - second.numbers, second.numbers - first.numbers
    if left and right:
        return True
    if _before_numbers(first, second):
        return not (_repaired(first, second) or _repaired(second, first))
    left, right = (frozenset(filter(_in_digits, numbers)) for numbers in (left, right))
    return bool((left and not _repaired(first, second)) or (right and not _repaired(second, first)))


def _before_numbers(first: Reading, second: Reading) -> bool:
    """Another preposition stands before the same number: in 1990, after 1990."""
    ours, theirs = (
        {number: word for word, number in pairwise(reading.words) if word in _PLACING and number in reading.numbers}
        for reading in (first, second)
    )
    return any(theirs.get(number, word) != word for number, word in ours.items())


def _in_digits(number: str) -> bool:
    """Small numbers are said in passing, too (a new one, two of my sheets)."""
    return len(number) > 1 or number not in "234"


def _exclusive(first: Reading, second: Reading) -> bool:
    left, right = Counter((*first.words, *first.joined)), Counter((*second.words, *second.joined))
    known = exclusive()
    ours, theirs = (
        [known[word] for word in map(_entry, more) if word in known] for more in (left - right, right - left)
    )
    return any(
        not one & other and {group for group, _ in one} & {group for group, _ in other}
        for one in ours
        for other in theirs
    )


def _entry(word: str) -> str:
    return word if word in exclusive() else stem(word)


def _negation(first: Reading, second: Reading) -> bool:
    if negated(first).isdisjoint(negated(second)):
        return True
    if any((word in first.words) != (word in second.words) for word in _CONFINING):
        return True
    return _negated_by_no(first, second) or _negated_by_no(second, first) or _turned(first, second)


def _negated_by_no(first: Reading, second: Reading) -> bool:
    """``no`` stands in the second between words that follow one another in the first: with no fee, with fee."""
    if "no" not in second.words or "no" in first.words:
        return False
    place = {column: row for row, column in align(first.words, second.words).pairs}
    for at, word in enumerate(second.words):
        before, after = place.get(at - 1), place.get(at + 1)
        if (
            word == "no"
            and after is not None
            and before is not None
            and set(first.words[before + 1 : after]) <= _PASSED
        ):
            return True
    return False


def _turned(first: Reading, second: Reading) -> bool:
    """A word of the one stands with a turning prefix in the other: managed, unmanaged."""
    left, right = set(first.stems) - set(second.stems), set(second.stems) - set(first.stems)
    return any(
        word.removeprefix(prefix) in others
        for words, others in ((left, right), (right, left))
        for word in words
        for prefix in _TURNING
        if word.startswith(prefix) and len(word) > len(prefix) + 2
    )


def _names(first: Reading, second: Reading) -> bool:
    known = products()
    brands = ({known[name] for name in one.names if name in known} for one in (first, second))
    one, other = brands
    left = {name for name in first.names if not _stands(name, second)}
    right = {name for name in second.names if not _stands(name, first)}
    if one - other and other - one:
        return True
    return bool(left and right)


def _stands(name: str, reading: Reading) -> bool:
    """The name, its product by another name, or its initials are in the question."""
    if name in reading.words or name in reading.content or name.rstrip("s") in reading.words:
        return True
    known = products()
    if name in known and any(known.get(word) == known[name] for word in reading.words):
        return True
    return name in _initials(reading) or any(
        len(word) > 3 and (word in name or name in word) for word in reading.content
    )


def _initials(reading: Reading) -> set[str]:
    letters = "".join(word[0] for word in reading.words)
    return {letters[at : at + size] for size in (2, 3, 4) for at in range(len(letters) - size + 1)}


def _direction(first: Reading, second: Reading) -> bool:
    """What is the source in one is the goal in the other, or the goals are swapped with what is moved."""
    source_1, goal_1 = _after(first, _SOURCE), _after(first, _GOAL)
    source_2, goal_2 = _after(second, _SOURCE), _after(second, _GOAL)
    if (source_1 & goal_2) - (source_2 | goal_1) or (source_2 & goal_1) - (source_1 | goal_2):
        return True
    if goal_1 & source_2 or source_1 & goal_2:
        return True
    for own, others, reading, other in ((goal_1, goal_2, first, second), (source_1, source_2, first, second)):
        left, right = own - others, others - own
        if left and right and left <= other.content and right <= reading.content:
            return True
    return False


def _after(reading: Reading, prepositions: frozenset[str]) -> set[str]:
    """The first meaningful stem after each of the prepositions."""
    found = set()
    for at, preposition in enumerate(reading.words):
        if preposition in prepositions:
            following = zip(reading.words[at + 1 : at + 5], reading.stems[at + 1 : at + 5], strict=True)
            term = next((term for word, term in following if word not in _PASSED), "")
            if term and term not in FUNCTION_WORDS:
                found.add(term)
    return found


def _order(first: Reading, second: Reading) -> bool:
    """The same meaningful words in another order: is A faster than B, is B faster than A."""
    if first.content != second.content or len(first.content) < 2:
        return False
    return _sequence(first) != _sequence(second) and not (_repaired(first, second) or _repaired(second, first))


def _sequence(reading: Reading) -> list[str]:
    return [term for term in reading.stems if term in reading.content]


def _substitution(first: Reading, second: Reading) -> bool:
    """The same sentence but for one place, filled with other meaningful words: no other spelling, no synonym."""
    alignment = align(first.stems, second.stems)
    if (alignment.replaced, alignment.inserted, alignment.deleted) != (1, 0, 0):
        return False
    rows, columns = ({pair[side] for pair in alignment.pairs} for side in (0, 1))
    ours = [word for at, word in enumerate(first.stems) if at not in rows and word in first.content]
    theirs = [word for at, word in enumerate(second.stems) if at not in columns and word in second.content]
    return bool(ours and theirs) and not any(_same_meaning(one, other) for one in ours for other in theirs)


def _same_meaning(one: str, other: str) -> bool:
    known = exclusive()
    if known.get(one, frozenset()) & known.get(other, frozenset()):
        return True
    brands = products()
    if one in brands and brands[one] == brands.get(other):
        return True
    return SequenceMatcher(None, one, other).ratio() >= ALIKE_SPELLING


def _comparison(first: Reading, second: Reading) -> bool:
    """What is compared with what is swapped around ``than``, ``over``, ``instead``."""
    for word in ("than", "versus", "vs", "over", "before", "after", "instead"):
        if word in first.words and word in second.words:
            before, after = _split(first, word)
            other_before, other_after = _split(second, word)
            if (before - after) & (other_after - other_before) and (after - before) & (other_before - other_after):
                return True
    return False


def _split(reading: Reading, word: str) -> tuple[set[str], set[str]]:
    at = reading.words.index(word)
    return set(reading.stems[:at]) & reading.content, set(reading.stems[at + 1 :]) & reading.content


def _repaired(longer: Reading, shorter: Reading) -> bool:
    """The longer takes something back ("at five, no, I mean at six"): what it has too much may be what it took back."""
    return any(word in REPAIRS and word not in shorter.words for word in longer.words) or (
        "no" in longer.words and "no" not in shorter.words and not _negated_by_no(shorter, longer)
    )


def _signs(first: Reading, second: Reading) -> bool:
    """One has a sign or a capital that the other has not: C++ against C#, US against us."""
    return first.signs != second.signs


_RULES: dict[str, Callable[[Reading, Reading], bool]] = {
    "signs": _signs,
    "numbers": _numbers,
    "opposites": _exclusive,
    "negation": _negation,
    "names": _names,
    "direction": _direction,
    "comparison": _comparison,
    "order": _order,
    "one word": _substitution,
}
RULES = tuple(_RULES)

"""Acronyms that a corpus explains itself: ``Amazon Simple Storage Service (Amazon S3)``.

Learnt by the rule of Schwartz and Hearst (PSB 2003): the short form stands in brackets behind the long one, and each of
its letters is found in it, in order, the first at the beginning of a word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from slipstream.retrieval.question.phrases import words

MOST_LEARNT = 1000
"""Short forms that an index keeps: it says them with its mapping, which every node of the engine holds in memory."""
LONGEST_CHARS = 120
_BRACKET = re.compile(r"\(([A-Za-z][\w&./-]{1,11}(?: [A-Z0-9][\w-]{0,10})?)\)")


class Meaning(msgspec.Struct, array_like=True, frozen=True):
    """A long form, and how often the load that met it most has met it."""

    long: str
    seen: int = 1


def pairs(text: str) -> list[tuple[str, str]]:
    """(short, long) in the order of the text; letters as they stand there."""
    found: list[tuple[str, str]] = []
    for match in _BRACKET.finditer(text):
        short = match[1]
        if not _is_short(short):
            continue
        before = words(text[max(0, match.start() - LONGEST_CHARS) : match.start()])
        core = _core(short, before)
        if long := _long_form(core, before):
            found.append((core, long))
    return found


def learn(texts: Iterable[str]) -> dict[str, Meaning]:
    """Short form → its most frequent long form in ``texts``; the ``MOST_LEARNT`` most frequent short forms."""
    seen: Counter[tuple[str, str]] = Counter()
    spelled: dict[tuple[str, str], str] = {}
    for text in texts:
        for short, long in pairs(text):
            key = (short, long.lower())
            seen[key] += 1
            spelled.setdefault(key, long)
    best: dict[str, Meaning] = {}
    for key, count in seen.items():
        best = _with(best, key[0], Meaning(spelled[key], count))
    return _most_frequent(best)


def merged(known: Mapping[str, Meaning], new: Mapping[str, Meaning]) -> dict[str, Meaning]:
    """Both; of two meanings the one that a single load has met more often.

    In whatever order, and however often, what several loads have learnt is put together, the outcome is the same: so
    loads need no lock between them, and a document that is loaded twice does not count twice.
    """
    both = dict(known)
    for short, meaning in new.items():
        both = _with(both, short, meaning)
    return _most_frequent(both)


def _with(known: dict[str, Meaning], short: str, meaning: Meaning) -> dict[str, Meaning]:
    there = known.get(short)
    if there is None or (-meaning.seen, meaning.long) < (-there.seen, there.long):
        known[short] = meaning
    return known


def _most_frequent(known: dict[str, Meaning]) -> dict[str, Meaning]:
    ordered = sorted(known.items(), key=lambda pair: (-pair[1].seen, pair[0]))
    return dict(ordered[:MOST_LEARNT])


def _is_short(short: str) -> bool:
    letters = [c for c in short if c.isalpha()]
    capitals = sum(c.isupper() for c in letters)
    return capitals >= 2 or (capitals == 1 and any(c.isdigit() for c in short))


def _core(short: str, before: Sequence[str]) -> str:
    """``S3`` of ``Amazon S3`` where the long form begins with the same word."""
    first, _, rest = short.partition(" ")
    return rest if rest and first in before else short


def _long_form(short: str, before: Sequence[str]) -> str | None:
    """The fewest words right before the bracket whose letters spell ``short``; None where they do not."""
    wanted = [c.lower() for c in short if c.isalnum()]
    if len(wanted) < 2:
        return None
    most = min(len(wanted) + 5, len(wanted) * 2, len(before))
    for count in range(1, most + 1):
        tail = before[len(before) - count :]
        if tail[0][0].lower() == wanted[0] and _spells(tail, wanted) and len(tail) > 1:
            return " ".join(tail)
    return None


def _spells(tail: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the words' initials are the letters; a digit stands for that many words with one initial."""
    initials = [word[0].lower() for word in tail if word[0].isalnum()]
    expanded: list[str] = []
    for letter in wanted:  # S3: an S, and two more words that begin like it
        expanded += [expanded[-1]] * (int(letter) - 1) if letter.isdigit() and expanded else [letter]
    content = [word[0].lower() for word in tail if word.lower() not in ("of", "and", "for", "the", "to", "in", "on")]
    return expanded in (initials, content)

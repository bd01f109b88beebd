"""Acronyms that a corpus explains itself, ``Amazon Simple Storage Service (Amazon S3)``, and a user's own synonyms.

Learnt by the rule of Schwartz and Hearst (PSB 2003): the short form stands in brackets behind the long one, and each of
its letters is found in it, in order, the first at the beginning of a word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

MOST_EXPANSIONS = 6
_BRACKET = re.compile(r"\(([A-Za-z][\w&./-]{1,11}(?: [A-Z0-9][\w-]{0,10})?)\)")
_WORD = re.compile(r"[\w&'’-]+")


def pairs(text: str) -> list[tuple[str, str]]:
    """(short, long) in the order of the text; letters as they stand there."""
    found: list[tuple[str, str]] = []
    for match in _BRACKET.finditer(text):
        short = match[1]
        if not _is_short(short):
            continue
        before = _WORD.findall(text[max(0, match.start() - 120) : match.start()])
        core = _core(short, before)
        if long := _long_form(core, before):
            found.append((core, long))
    return found


def learn(texts: Iterable[str], most: int = 2000) -> dict[str, str]:
    """Short form → its most frequent long form, over a corpus; the most frequent short forms where there are more."""
    seen: Counter[tuple[str, str]] = Counter()
    spelled: dict[tuple[str, str], str] = {}
    for text in texts:
        for short, long in pairs(text):
            key = (short, long.lower())
            seen[key] += 1
            spelled.setdefault(key, long)
    out: dict[str, str] = {}
    for key, _ in seen.most_common():
        if key[0] not in out and len(out) < most:
            out[key[0]] = spelled[key]
    return out


def expansions(text: str, known: Mapping[str, str], synonyms: Mapping[str, Sequence[str]] | None = None) -> list[str]:
    """What else to look for: long forms of the acronyms in ``text``, short forms of long ones, the user's synonyms.

    ``synonyms``: lower-case phrase → phrases that mean the same.
    """
    found: list[str] = []
    spaced = f" {' '.join(_WORD.findall(text))} "
    lowered = spaced.lower()
    for short, long in known.items():
        # Short forms are matched as written: IT, US and AS are words when they are not.
        if f" {short} " in spaced and f" {long.lower()} " not in lowered:
            found.append(long)
        elif f" {long.lower()} " in lowered and f" {short} " not in spaced:
            found.append(short)
    for phrase, others in (synonyms or {}).items():
        if f" {phrase} " in lowered:
            found += [other for other in others if f" {other.lower()} " not in lowered]
    return list(dict.fromkeys(found))[:MOST_EXPANSIONS]


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
        words = before[len(before) - count :]
        if words[0][0].lower() == wanted[0] and _spells(words, wanted) and len(words) > 1:
            return " ".join(words)
    return None


def _spells(words: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the words' initials are the letters; a digit stands for that many words with one initial."""
    initials = [word[0].lower() for word in words if word[0].isalnum()]
    expanded: list[str] = []
    for letter in wanted:  # S3: an S, and two more words that begin like it
        expanded += [expanded[-1]] * (int(letter) - 1) if letter.isdigit() and expanded else [letter]
    content = [word[0].lower() for word in words if word.lower() not in ("of", "and", "for", "the", "to", "in", "on")]
    return expanded in (initials, content)

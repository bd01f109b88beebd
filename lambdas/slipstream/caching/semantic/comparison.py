"""Whether two answers say the same: the verdict of a check, made after the last byte.

Rules first. What they call different is different, and what they call the same is the same word for word but for the
order of the sentences, courtesy, and words that carry nothing. In doubt a small model judges, where there is one. What
is still in doubt then counts as **different**: leaving it out would leave out mostly wrong ones, and ε would be of
what is left. Nothing is taught only by what cannot be compared at all, or was not because the judge did not answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

import msgspec

from slipstream.caching.entry import Answered
from slipstream.caching.semantic.conflicts import conflict
from slipstream.caching.semantic.lexicon import vocabulary
from slipstream.caching.semantic.ports import Verdict
from slipstream.caching.semantic.reading import NEGATIONS, Reading, read
from slipstream.chat.events import OtherDelta, TextDelta, ToolCallStarted
from slipstream.retrieval.denial import said, sentences

DOUBTFUL = frozenset({"order", "one word"})
"""Rules about questions that prove little between sentences: a synonym, or the same told the other way round."""
ALIKE = 0.5
"""Part of two sentences' meaningful words in common (Jaccard) from which they speak of the same thing."""
MOST_STATEMENTS = 200
_BARE = vocabulary("yes no true false correct incorrect right wrong none ok okay it is not this that")
"""An answer of these alone fits many questions by chance."""
_CARRIES_NOTHING = vocabulary(
    "a an the that which also just then so and very simply please kindly indeed is are it its this these those there"
)
_TURNS = vocabulary(
    "however but although though only except unless instead otherwise former formerly previously deprecated obsolete "
    "anymore until if provided depending depends rarely sometimes might may"
)
"""An added sentence with one of these may say that the others do not hold."""
_COURTESY = re.compile(
    r"(?:sure|certainly|of course|absolutely|gladly|great question|good question|thanks?(?: you)?|hello|hi|"
    r"you(?:'re| are) welcome|happy to help|here(?:'s| is) (?:the|your|an) answer|"
    r"(?:i )?hope (?:this|that|it) helps|let me know if|feel free to|(?:is there )?anything else|"
    r"please (?:let me know|feel free)|if you have (?:any )?(?:more|other|further) questions)\b[^\d]{0,90}",
    re.IGNORECASE,
)
_OPENING = re.compile(r"^(?:sure|certainly|of course|absolutely|yes, of course)\s*[,:!–-]\s*", re.IGNORECASE)
_MARKER = re.compile(r"^\s*(?:[-*•#>]+|\d{1,2}[.)])\s+")
_CITED = re.compile(r"\s*\[\d{1,2}\]")
_ORDINARY = frozenset(" \t\n.,;:!?'’‘\"“”()[]-–—*_`#…")
_SPACE = re.compile(r"\s+")
_read = read.__wrapped__
"""Sentences are read once: they would push the questions out of what is remembered."""


class Judge(Protocol):
    """A small model's opinion."""

    def same(self, fresh: str, kept: str) -> Verdict:
        """Whether two texts say the same; ``equal`` None where it did not answer. Never raises."""
        ...


class _Statement(msgspec.Struct, frozen=True):
    text: str
    reading: Reading
    carries: tuple[str, ...]
    """Stems that carry something, sorted, with the signs that words leave out (<, %, +)."""


def compare(fresh: Answered, kept: Answered, judge: Judge | None = None) -> Verdict:
    """See the module. Some ms for answers of a page; ``judge`` is asked only where the rules cannot tell."""
    texts = _text(fresh), _text(kept)
    if None in texts:
        return Verdict(None, "not text")
    one, other = (str(text) for text in texts)
    if not one.strip() or not other.strip():
        return Verdict(None, "empty")
    if set(_read(one).words) <= _BARE and set(_read(other).words) <= _BARE:
        same = _folded(one) == _folded(other)
        return Verdict(None, "too short to tell") if same else Verdict(False, "differs in words")
    if _folded(one) == _folded(other):
        return Verdict(True, "same words")
    told = _by_rules(list(_statements(one)), list(_statements(other)), _sources(fresh), _sources(kept))
    if told is not None:
        return told
    if judge is not None:
        return judge.same(one, other)
    return Verdict(False, "in doubt")


def _by_rules(
    fresh: list[_Statement], kept: list[_Statement], cites: frozenset[str], cited: frozenset[str]
) -> Verdict | None:
    """What needs no judge; None: in doubt."""
    if max(len(fresh), len(kept)) > MOST_STATEMENTS:
        return None
    if not cites & cited and (cites or cited):
        return Verdict(False, "differs in citations")
    if _only_here(fresh, kept) and _only_here(kept, fresh):
        return Verdict(False, "differs in numbers")
    partners = _partners(fresh, kept)
    same = 0
    for one, other in partners:
        found = conflict(one.reading, other.reading)
        if found is not None and found not in DOUBTFUL:
            return Verdict(False, f"differs in {found}")
        if said(one.text).contradicts(said(other.text)):
            return Verdict(False, "differs in negation")
        same += found is None and one.carries == other.carries
    if same == len(fresh) == len(kept):
        return Verdict(True, "same statements")
    shorter, longer = sorted((fresh, kept), key=len)
    added = [one for one in longer if all(one.carries != other.carries for other in shorter)]
    says_more = same == len(shorter) and 2 * same >= len(longer) and not any(map(_turns, added))
    return Verdict(True, "same sources") if cites and cites == cited and says_more else None


def _turns(statement: _Statement) -> bool:
    """Whether it may take back or narrow what stands beside it."""
    reading = statement.reading
    return bool(reading.numbers) or not _TURNS.isdisjoint(reading.words) or not NEGATIONS.isdisjoint(reading.words)


def _only_here(statements: list[_Statement], others: list[_Statement]) -> bool:
    """Whether a number stands in these and not in the others."""
    here, there = ({number for one in side for number in one.reading.numbers} for side in (statements, others))
    return bool(here - there)


def _partners(fresh: list[_Statement], kept: list[_Statement]) -> list[tuple[_Statement, _Statement]]:
    """Statements of the same thing, each with one of the other side at most, the most alike first."""
    offers = sorted(
        (
            (alike, -abs(row - column), row, column)
            for row, one in enumerate(fresh)
            for column, other in enumerate(kept)
            if (alike := _alike(one, other)) >= ALIKE
        ),
        reverse=True,
    )
    rows, columns, found = set(), set(), []
    for _, _, row, column in offers:
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            found.append((fresh[row], kept[column]))
    return found


def _alike(one: _Statement, other: _Statement) -> float:
    if one.carries == other.carries:
        return 1.0
    left, right = one.reading.content, other.reading.content
    return len(left & right) / max(1, len(left | right))


def _statements(text: str) -> Iterator[_Statement]:
    for sentence in sentences(text):
        plain = _OPENING.sub("", _CITED.sub("", _MARKER.sub("", sentence))).strip()
        if not plain or _COURTESY.fullmatch(plain):
            continue
        reading = _read(plain)
        pairs = zip(reading.words, reading.stems, strict=True)
        carries = [stem for word, stem in pairs if word not in _CARRIES_NOTHING]
        signs = [sign for sign in plain if not sign.isalnum() and sign not in _ORDINARY]
        if carries or signs:
            yield _Statement(plain, reading, tuple(sorted(carries + signs)))


def _text(answered: Answered) -> str | None:
    """What it says, or None where it says more than text does."""
    if any(type(event) in (OtherDelta, ToolCallStarted) for event in answered.events):
        return None
    return "".join(event.text for event in answered.events if type(event) is TextDelta)


def _folded(text: str) -> str:
    return _SPACE.sub(" ", text).strip(" .!").casefold()


def _sources(answered: Answered) -> frozenset[str]:
    """Documents that it cites."""
    cited = (answered.rag or {}).get("citations") or ()
    return frozenset(str(one.get("document", "")) for one in cited)

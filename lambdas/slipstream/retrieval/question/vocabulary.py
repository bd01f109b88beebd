"""What is known of an index's words, ready to be looked up: its acronyms, and its owner's synonyms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import msgspec

from slipstream.retrieval.question import synonyms
from slipstream.retrieval.question.acronyms import Meaning
from slipstream.retrieval.question.phrases import key, words

MOST_EXPANSIONS = 6
"""Of one question."""


class Expansion(msgspec.Struct, frozen=True):
    """``text`` is looked for besides, because the question says ``of``."""

    text: str
    of: str
    why: str
    """``synonym`` or ``acronym``."""

    def __str__(self) -> str:
        return f"{self.of} → {self.text} ({self.why})"


class Vocabulary:
    """Built once a description of the index; a question's words are looked up, however much is known."""

    def __init__(self, acronyms: Mapping[str, Meaning] | None = None, rules: Sequence[str] = ()) -> None:
        """``acronyms``: short form → meaning. ``rules``: an owner's, as ``synonyms.checked`` gives them; where they
        say something of a phrase, what was learnt of it does not count.
        """
        self._synonyms = synonyms.read(rules)
        self._long: dict[str, str] = {}
        """Short form, as it is written → long form."""
        self._short: dict[str, str] = {}
        """Long form, in small letters → short form."""
        for short, meaning in (acronyms or {}).items():
            if key(short) not in self._synonyms:
                self._long[" ".join(words(short))] = meaning.long
            if key(meaning.long) not in self._synonyms:
                self._short.setdefault(key(meaning.long), short)
        phrases = chain(self._synonyms, self._long, self._short)
        self._longest = max((phrase.count(" ") + 1 for phrase in phrases), default=0)

    def expansions(self, text: str) -> list[Expansion]:
        """What else to look for, the owner's first: nothing that the text says already."""
        found = words(text)
        said = f" {' '.join(found)} ".lower()
        owners: list[Expansion] = []
        learnt: list[Expansion] = []
        for start in range(len(found)):
            for end in range(start + 1, min(len(found), start + self._longest) + 1):
                phrase = " ".join(found[start:end])
                lowered = phrase.lower()
                owners += [Expansion(other, phrase, "synonym") for other in self._synonyms.get(lowered, ())]
                # Short forms are matched as written: IT, US and AS are words when they are not.
                others = (self._long.get(phrase), self._short.get(lowered))
                learnt += [Expansion(other, phrase, "acronym") for other in others if other is not None]
        new: dict[str, Expansion] = {}
        for one in (*owners, *learnt):
            if f" {key(one.text)} " not in said:
                new.setdefault(key(one.text), one)
        return list(new.values())[:MOST_EXPANSIONS]


NOTHING_KNOWN = Vocabulary()

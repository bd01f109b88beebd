"""The steps in their order, each timed and told: a question and its conversation in, a ``Prepared`` out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TypeVar

import msgspec

from slipstream.retrieval.question import clean, exact, followup
from slipstream.retrieval.question.language import OF_ANALYZER, SURE, language_of
from slipstream.retrieval.question.vocabulary import NOTHING_KNOWN, Expansion, Vocabulary

T = TypeVar("T", str, list[str], list[Expansion])

STEPS = ("followup", "frame", "phrases", "identifiers", "expansions", "language")
"""What can be switched off. That text is normalized cannot: engines are not asked control characters."""


class Step(msgspec.Struct, frozen=True):
    """What one step did: ``result`` is told to the caller; empty: nothing to do."""

    name: str
    ms: float
    result: str | list[str] = ""


class Prepared(msgspec.Struct, frozen=True):
    """``text`` is for the lexical leg, ``meaning`` for the vector: as natural as it was asked."""

    text: str
    meaning: str
    phrases: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    expansions: tuple[str, ...] = ()
    language: str = "en"
    foreign: bool = False
    """It is in another language than the index: what rests on shared words is trusted less."""
    steps: tuple[Step, ...] = ()


def prepare(
    question: str,
    earlier: Sequence[str] = (),
    *,
    vocabulary: Vocabulary = NOTHING_KNOWN,
    rewritten: str = "",
    off: frozenset[str] = frozenset(),
    language: str = "english",
) -> Prepared:
    """Run the steps. ``earlier``: the user's questions before this one, oldest first. ``off``: steps left out.

    ``rewritten``: the question as it stands alone, where a model was asked and has said so; else a rule makes it.
    ``language``: of the index, as its analyzer is named.
    """
    steps = _Steps(off)
    asked = clean.normalized(question)
    whole = steps.run("followup", lambda: _standalone(asked, earlier, rewritten), asked)
    text = steps.run("frame", lambda: clean.unframed(whole), whole)
    phrases: list[str] = steps.run("phrases", lambda: exact.phrases(text), [])
    identifiers: list[str] = steps.run("identifiers", lambda: exact.identifiers(text), [])
    expansions: list[Expansion] = steps.run("expansions", lambda: vocabulary.expansions(text), [])
    own = OF_ANALYZER.get(language, "")
    asked_in = steps.run("language", lambda: language_of(whole, own, SURE), own)
    return Prepared(
        text=text,
        meaning=whole,
        phrases=tuple(phrases),
        identifiers=tuple(identifiers),
        expansions=tuple(one.text for one in expansions),
        language=asked_in or "en",
        foreign=bool(own) and asked_in != own,
        steps=tuple(steps.done),
    )


class _Steps:
    def __init__(self, off: frozenset[str]) -> None:
        self._off = off
        self.done: list[Step] = []

    def run(self, name: str, step: Callable[[], T], otherwise: T) -> T:
        """The step's result, timed and noted; ``otherwise`` where it is off, or where there was nothing to do."""
        if name in self._off:
            return otherwise
        began = perf_counter()
        result = step()
        ms = round((perf_counter() - began) * 1000, 3)
        told = result if isinstance(result, str) else [str(one) for one in result]
        self.done.append(Step(name, ms, "" if result == otherwise else told))
        return result


def _standalone(asked: str, earlier: Sequence[str], rewritten: str) -> str:
    before = [clean.normalized(text) for text in earlier]
    if not followup.leans(asked, before):
        return asked
    return clean.normalized(rewritten) or followup.standalone(asked, before)

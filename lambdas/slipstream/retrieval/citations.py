"""Checks citations while an answer streams: text passes at once, a marker waits for the end of its sentence.

A marker is ``[2]`` or ``[1, 3]``, or one of the other forms that models use (``markers``). It is taken out where it
stands and, once its sentence is whole, set before the sentence's end if the passage supports the sentence; else it is
left out. So no text waits, and no marker is shown that rests on nothing. However the answer is cut into pieces, the
same text comes out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from slipstream.retrieval import markers
from slipstream.retrieval.support import ENOUGH, Passages

_CODE = re.compile(r"`+")
_END = re.compile(r"[.!?…]+[\"'”’)]*|[。！？]")
_PLAIN = re.compile(r"[^ \t\n\[【`.!?…。！？]+")
_IN_CODE = re.compile(r"[^`\n]+")
_WAIT = -1


class Cited(msgspec.Struct, frozen=True):
    """A sentence that rests on a passage. ``support`` is the share of the sentence that the passage holds, 0 to 1."""

    number: int
    sentence: str
    support: float


class CitationCheck:
    """One answer's check. ``feed`` its pieces, ``finish`` it; ``cited`` tells what was found."""

    def __init__(self, texts: Sequence[str]) -> None:
        """``texts``: what passage 1, 2, … say, with title and heading."""
        self._passages = Passages(texts)
        self._held = ""
        self._sentence = ""
        self._markers: list[int] = []
        self._ended = ""
        """The sentence before, while a marker behind its full stop may still belong to it."""
        self._fence = 0
        """Length of the backticks that code began with; 0 outside of code, where alone markers are looked for."""
        self.said_something = False
        self.cited: list[Cited] = []
        self.dropped: list[int] = []
        """Numbers of markers that were left out: their passage did not support the sentence, or is none."""

    @property
    def waiting(self) -> bool:
        """Whether a marker has come whose sentence has not ended yet."""
        return bool(self._markers)

    def feed(self, piece: str) -> str:
        """What can be shown now of everything that has come."""
        return self._read(self._held + piece, last=False)

    def finish(self) -> str:
        """What was still held, and the last sentence's markers."""
        return self._read(self._held, last=True) + self._close()

    def _read(self, text: str, *, last: bool) -> str:
        shown: list[str] = []
        at = 0
        while at < len(text):
            end, said = self._unit(text, at, last)
            if end == _WAIT:
                break
            shown.append(said)
            at = end
        self._held = text[at:]
        return "".join(shown)

    def _unit(self, text: str, at: int, last: bool) -> tuple[int, str]:
        """Where the next unit ends and what is shown of it; _WAIT where only the next piece can tell."""
        first = text[at]
        if first == "\n":
            if self._fence < 3:
                self._fence = 0
            return at + 1, self._close() + "\n"
        if first == "`":
            end = _CODE.match(text, at).end()  # type: ignore[union-attr]
            if end == len(text) and not last:
                return _WAIT, ""
            self._code(end - at)
            return end, self._say(text[at:end])
        if self._fence:
            end = _IN_CODE.match(text, at).end()  # type: ignore[union-attr]
            return end, self._say(text[at:end])
        if first in " \t[【":
            return self._space_or_marker(text, at, last)
        if ending := _END.match(text, at):
            return self._ending(text, at, ending.end(), last)
        end = _PLAIN.match(text, at).end()  # type: ignore[union-attr]
        return end, self._say(text[at:end])

    def _space_or_marker(self, text: str, at: int, last: bool) -> tuple[int, str]:
        if found := markers.at(text, at, after=self._sentence[-1:]):
            return found[0], self._mark(found[1])
        rest = text[at:]
        if not last and (not rest.strip(" \t") or markers.may_come(rest)):
            return _WAIT, ""
        end = at + max(len(rest) - len(rest.lstrip(" \t")), 1)
        return end, self._say(text[at:end])

    def _ending(self, text: str, at: int, end: int, last: bool) -> tuple[int, str]:
        """A full stop ends a sentence where white space, a marker or nothing follows: 3.5 goes on."""
        found = text[at:end]
        if end == len(text) and not last and found not in "。！？":
            return _WAIT, ""
        rest = text[end : end + markers.LONGEST + 1]
        if rest and rest[0] in "[【" and not last and markers.may_come(rest):
            return _WAIT, ""
        if not rest or rest[0].isspace() or found in "。！？" or markers.at(rest, 0, after=found[-1]):
            return end, self._close() + found
        return end, self._say(found)

    def _code(self, ticks: int) -> None:
        if not self._fence:
            self._fence = ticks
        elif ticks >= self._fence:
            self._fence = 0

    def _say(self, text: str) -> str:
        if not text.isspace():
            self._ended, self.said_something = "", True
        self._sentence += text
        return text

    def _mark(self, numbers: list[int]) -> str:
        """Note a marker; behind a full stop it belongs to the sentence before and is decided at once."""
        if self._ended and not self._sentence.strip():
            return self._decide(self._ended, numbers)
        self._markers += numbers
        return ""

    def _close(self) -> str:
        """End the sentence: its markers that hold, in the order in which they were given."""
        sentence, markers = self._sentence, self._markers
        if sentence.strip():
            self._ended = sentence
        self._sentence, self._markers = "", []
        return self._decide(sentence, markers)

    def _decide(self, sentence: str, numbers: list[int]) -> str:
        shown = ""
        for number in dict.fromkeys(numbers):
            support = self._passages.support(sentence, number)
            if support >= ENOUGH:
                self.cited.append(Cited(number, sentence.strip(), round(support, 3)))
                shown += f"[{number}]"
            else:
                self.dropped.append(number)
        return f" {shown}" if shown else ""

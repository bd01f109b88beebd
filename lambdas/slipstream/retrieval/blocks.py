"""A document's structure: headings, paragraphs, list items, tables and code, as stretches of its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

Format = Literal["markdown", "plain"]
Kind = Literal["heading", "prose", "item", "table", "code"]

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_ITEM = re.compile(r"[ \t]*(?:[-+*•]|\d{1,9}[.)])[ \t]+\S")
_MARKS = re.compile(r"<[^<>]*>|(?<!\w)[*_]{1,3}|[*_]{1,3}(?!\w)|`")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")


class Block(msgspec.Struct, frozen=True):
    """``text[start:end]``, without the blank lines around it, and the headings above it."""

    kind: Kind
    start: int
    end: int
    section: tuple[str, ...]
    """From the document's top; a heading's own is the last of its path."""


def blocks(text: str, format: Format) -> Iterator[Block]:
    """All blocks in reading order; together they hold every character that is not white space."""
    path: list[tuple[int, str]] = []
    section: tuple[str, ...] = ()
    for kind, start, end in _join(text, _markdown_lines(text) if format == "markdown" else _plain_lines(text)):
        if kind == "heading":
            level, words = _heading(text[start:end])
            path = [above for above in path if above[0] < level] + [(level, words)]
            section = tuple(words for _, words in path if words)
        yield Block(kind, start, end, section)


_Line = tuple[Literal["heading", "prose", "item", "table", "code", "blank"], int, int]


def _lines(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield start, end
        start = end


def _plain_lines(text: str) -> Iterator[_Line]:
    for start, end in _lines(text):
        line = text[start:end]
        yield ("blank" if not line.strip() else "item" if _ITEM.match(line) else "prose"), start, end


def _markdown_lines(text: str) -> Iterator[_Line]:
    fence = ""
    for start, end in _lines(text):
        line = text[start:end].rstrip("\r\n")
        mark = _FENCE.match(line)
        if fence:
            yield "code", start, end
            if mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
        elif mark:
            fence = mark[1]
            yield "code", start, end
        elif not line.strip():
            yield "blank", start, end
        elif _HEADING.match(line):
            yield "heading", start, end
        elif line.lstrip().startswith("|"):
            yield "table", start, end
        else:
            yield ("item" if _ITEM.match(line) else "prose"), start, end


def _join(text: str, lines: Iterator[_Line]) -> Iterator[tuple[Kind, int, int]]:
    """Lines of one block put together: a paragraph's, an item's with what is wrapped under it, a table's, a fence's."""
    open_kind: Kind | None = None
    first = last = 0
    for kind, start, end in lines:
        goes_on = open_kind == kind and kind in ("prose", "table", "code")
        wrapped = open_kind == "item" and kind == "prose"
        if goes_on or wrapped:
            last = end
            continue
        if open_kind is not None:
            yield open_kind, *trimmed(text, first, last)
        open_kind, first, last = (None if kind == "blank" else kind), start, end
    if open_kind is not None:
        yield open_kind, *trimmed(text, first, last)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The stretch without white space at its ends."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _heading(line: str) -> tuple[int, str]:
    match = _HEADING.match(line)
    if match is None:
        raise AssertionError(line)  # pragma: no cover - only lines that matched come here
    words = _MARKS.sub("", _LINK.sub(r"\1", match[2] or ""))
    return len(match[1]), " ".join(words.split())

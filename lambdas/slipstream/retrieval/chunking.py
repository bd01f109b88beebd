"""Documents cut into passages along their structure, sized in word pieces.

A passage is what is embedded, found and cited: it should speak of one thing, be short enough for a vector to mean it,
and say enough to be understood. So passages end where sections end, tables and code stay whole where they fit, prose
is cut between sentences, and a passage begins with the last sentence of the one before it in its section.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import msgspec

from slipstream.retrieval.blocks import Block, Format, Kind, blocks, trimmed
from slipstream.retrieval.document import Passage
from slipstream.retrieval.pieces import pieces_of

_SENTENCE_END = re.compile(r"(?:[.!?…؟۔।]+[\"'”’»)\]]*(?=\s)|[。！？]+[」』”’）]*)\s*|\n\s*\n")
_LINE_END = re.compile(r"\n")
_SPACE = re.compile(r"\s+")


class ChunkSize(msgspec.Struct, frozen=True):
    """In word pieces, as `pieces_of` estimates them."""

    target: int = 160
    most: int = 256
    """For a table or code that is kept whole, and for a passage that takes a short neighbour in."""
    least: int = 40
    """Shorter passages join a neighbour, where one has room."""
    overlap: int = 32


DEFAULT_SIZE = ChunkSize()


class _Unit(msgspec.Struct, frozen=True):
    """What is never cut again: a sentence, a row, a whole small table."""

    kind: Kind
    start: int
    end: int
    pieces: int
    section: tuple[str, ...]


def chunk(
    text: str,
    *,
    title: str = "",
    format: Format = "markdown",
    size: ChunkSize = DEFAULT_SIZE,
) -> tuple[Passage, ...]:
    """Cut ``text`` into passages in reading order, so that ``text[passage.start:passage.end] == passage.text``.

    Every character that is not white space is in a passage; the same text gives the same passages. ``heading`` is the
    path of headings that all of a passage stands under, without the document's ``title``. No passage comes from text
    without a letter, digit or mark.
    """
    passages: list[Passage] = []
    for group in _groups([unit for block in blocks(text, format) for unit in _units(text, block, size)], size):
        start, end = group[0].start, group[-1].end
        content = [unit for unit in group if unit.kind != "heading"] or group
        heading = tuple(words for words in _common([unit.section for unit in content]) if words != title.strip())
        passages.append(Passage(len(passages), text[start:end], start, end, heading))
    return tuple(passages)


def _groups(units: Sequence[_Unit], size: ChunkSize) -> Iterator[Sequence[_Unit]]:
    """Units packed into passages; each group is one passage."""
    groups: list[list[_Unit]] = []
    fresh: list[int] = []  # how many units at a group's head are repeated from the group before
    group: list[_Unit] = []
    repeated = 0
    for unit in units:
        if len(group) > repeated and _ends_before(unit, group, size):
            carried = _headings_at_end(group)
            done = group[: len(group) - len(carried)]
            groups.append(done)
            fresh.append(repeated)
            group = carried or _overlap(done, unit, size)
            repeated = 0 if carried else len(group)
        group = [*group, unit]
    if len(group) > repeated:
        groups.append(group)
        fresh.append(repeated)
    return _without_scraps(groups, fresh, size)


def _ends_before(unit: _Unit, group: Sequence[_Unit], size: ChunkSize) -> bool:
    pieces = sum(one.pieces for one in group)
    content = [one for one in group if one.kind != "heading"]
    if not content:  # a heading stays with what it stands over
        return pieces + unit.pieces > size.most and pieces >= size.least
    if unit.section != content[-1].section and pieces >= size.least:
        return True
    room = size.most if pieces < size.least or unit.kind in ("table", "code") else size.target
    return pieces + unit.pieces > room


def _headings_at_end(group: Sequence[_Unit]) -> list[_Unit]:
    """Headings that would be cut from what they stand over; none where the group is nothing else."""
    keep = len(group)
    while keep and group[keep - 1].kind == "heading":
        keep -= 1
    return list(group[keep:]) if keep else []


def _overlap(done: Sequence[_Unit], unit: _Unit, size: ChunkSize) -> list[_Unit]:
    """The last sentences of ``done`` that the next passage repeats; none over a section's end, of rows or of code."""
    taken: list[_Unit] = []
    for one in reversed(done[1:]):
        room = min(size.overlap, size.target - unit.pieces) - sum(each.pieces for each in taken)
        if one.kind not in ("prose", "item") or one.section != unit.section or one.pieces > room:
            break
        taken.insert(0, one)
    return taken


def _without_scraps(groups: list[list[_Unit]], repeated: list[int], size: ChunkSize) -> Iterator[Sequence[_Unit]]:
    """Let a short rest join the passage before it in its section, where that has room."""
    merged: list[list[_Unit]] = []
    for group, head in zip(groups, repeated, strict=True):
        own = group[head:]
        if not own:  # its headings went to the next one, and the rest stands in the one before
            continue
        pieces = sum(unit.pieces for unit in own)
        before = merged[-1] if merged else []
        if (
            before
            and pieces < size.least
            and before[-1].section == own[-1].section
            and sum(unit.pieces for unit in before) + pieces <= size.most
        ):
            before.extend(own)
        else:
            merged.append(group)
    return iter(merged)


def _units(text: str, block: Block, size: ChunkSize) -> Iterator[_Unit]:
    """The block as it is, or its sentences, or its rows, and of those that are too long, pieces of them."""
    whole = block.kind in ("table", "code", "heading")
    limit = size.most if whole else size.target
    for start, end in _cut(text, block.start, block.end, limit, (_LINE_END,) if whole else (), whole=whole):
        yield _Unit(block.kind, start, end, pieces_of(text[start:end]), block.section)


def _cut(
    text: str, start: int, end: int, limit: int, first: tuple[re.Pattern[str], ...], *, whole: bool
) -> Iterator[tuple[int, int]]:
    if whole and pieces_of(text[start:end]) <= limit:
        yield start, end
        return
    yield from _split(text, start, end, limit, (*first, _SENTENCE_END, _SPACE), always=not whole)


def _split(
    text: str, start: int, end: int, limit: int, marks: tuple[re.Pattern[str], ...], *, always: bool = False
) -> Iterator[tuple[int, int]]:
    """Cut behind each mark of the first kind, the parts that are still too long behind the next kind, and so on.

    Parts of one kind are put together up to the limit, except sentences, which are the units of overlap (``always``).
    """
    if not always and pieces_of(text[start:end]) <= limit:
        yield from _one(text, start, end)
    elif not marks:
        yield from _hard(text, start, end, limit)
    else:
        ends = [found.end() for found in marks[0].finditer(text, start, end) if found.end() > start]
        left, held = start, 0
        for low, high in zip([start, *ends], [*ends, end], strict=True):
            pieces = pieces_of(text[low:high])
            if always or held + pieces > limit or pieces > limit:
                if low > left and not always:
                    yield from _one(text, left, low)
                left, held = low, 0
            if pieces > limit:
                yield from _split(text, low, high, limit, marks[1:])
                left = high
            elif always:
                yield from _one(text, low, high)
                left = high
            else:
                held += pieces
        if left < end and not always:
            yield from _one(text, left, end)


def _one(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    start, end = trimmed(text, start, end)
    if start < end:
        yield start, end


def _hard(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """A run without any space is cut by length, never before a combining mark."""
    while start < end:
        stop = min(start + limit, end)  # a character is one piece at most
        while stop < end and unicodedata.combining(text[stop]):
            stop += 1
        yield start, stop
        start = stop


def _common(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    shortest = min(paths, key=len)
    for depth, words in enumerate(shortest):
        if any(path[depth] != words for path in paths):
            return shortest[:depth]
    return shortest

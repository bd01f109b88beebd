"""A log of what was asked, by period, on disk: what is asked again is answered beforehand.

Tab-separated text, also as ``.gz``, with a header that names ``month`` (any period label that sorts: 2020-01,
2020-01-17, 2020-W03), ``query``, ``impressions`` and, where it is known, ``visits``. Rows may come in any order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from slipstream.caching.precompute.calendar import Calendar, calendar_of
from slipstream.errors import InvalidRequest
from slipstream.text_lines import numbered

COLUMNS = ("month", "query", "impressions")
SHAPE = "month<TAB>query<TAB>impressions<TAB>visits, with these names in the first line"
TOLD_EVERY = 100_000
MAX_COUNT = 10**12

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


def untold(what: str, done: int, of: int) -> None:
    """Progress that nobody listens to."""


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """One spelling in one period. ``visits`` are users' sessions: the nearest that a log has to users."""

    query: str
    impressions: int
    visits: int


class QueryLog(msgspec.Struct, frozen=True):
    """``asked[p]`` belongs to ``periods[p]``, each spelling once, in the order of the alphabet."""

    name: str
    calendar: Calendar
    periods: tuple[str, ...]
    asked: tuple[tuple[Asked, ...], ...]
    blank: int = 0
    """Rows left out because their query is empty."""


def read_log(path: Path, progress: Progress = untold) -> QueryLog:
    """Read a file. Raises InvalidRequest that names the line and what should stand there."""
    counts: dict[str, dict[str, list[int]]] = defaultdict(dict)
    rows, blank = _rows(path), 0
    for number, (period, query, impressions, visits) in enumerate(rows, 1):
        if not query:
            blank += 1
            continue
        both = counts[period].setdefault(query, [0, 0])
        both[0] += impressions
        both[1] += visits
        if number % TOLD_EVERY == 0:
            progress("rows read", number, number)
    if not counts:
        raise InvalidRequest(f"{path} has no row with a query in it. It should be {SHAPE}.", param="log")
    periods = sorted(counts)
    if len(periods) < 2:
        raise InvalidRequest(
            f"{path} has the one period {periods[0]!r}: a forecast learns from one period what the next asks, so it "
            "needs two at least. A log of shorter periods (days for a month) will do.",
            param="log",
        )
    return QueryLog(
        path.name,
        calendar_of(periods),
        tuple(periods),
        tuple(tuple(Asked(q, *counts[p][q]) for q in sorted(counts[p])) for p in periods),
        blank,
    )


def _rows(path: Path) -> Iterator[tuple[str, str, int, int]]:
    lines = numbered(path, param="log", encoding="utf-8-sig", newline="\n")
    number, header = next(lines, (0, ""))
    names = [cell.strip().lower() for cell in header.split("\t")]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise InvalidRequest(
            f"{path} has no column {' nor '.join(repr(name) for name in missing)} in its first line "
            f"({header[:80]!r}). It should be {SHAPE}.",
            param="log",
        )
    period_at, query_at, impressions_at = (names.index(name) for name in COLUMNS)
    visits_at = names.index("visits") if "visits" in names else None
    for number, line in lines:
        cells = line.split("\t")
        if len(cells) != len(names):
            raise InvalidRequest(
                f"{path} line {number} has {len(cells)} cells, its first line {len(names)}. It should be {SHAPE}; "
                "a tab inside a query has to be replaced by a space.",
                param="log",
            )
        period = cells[period_at].strip()
        if not period:
            raise InvalidRequest(f"{path} line {number} has no period in 'month' (2020-01, 2020-01-17).", param="log")
        impressions = _count(path, number, "impressions", cells[impressions_at])
        visits = 0 if visits_at is None else _count(path, number, "visits", cells[visits_at])
        yield period, cells[query_at].strip(), impressions, visits


def _count(path: Path, number: int, column: str, cell: str) -> int:
    text = cell.strip()
    if text.isascii() and text.isdigit() and int(text[:16]) <= MAX_COUNT and len(text) <= 16:
        return int(text)
    raise InvalidRequest(
        f"{path} line {number}: {column} is {cell[:40]!r}; it should be a whole number from 0 to {MAX_COUNT:,}, "
        "without separators.",
        param="log",
    )

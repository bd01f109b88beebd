"""Period labels as points in time: how far apart two are, and after how many the same season comes again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import msgspec

from slipstream.errors import InvalidRequest

_HOUR = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d)(?::00)?")
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_WEEK = re.compile(r"(\d{4})-?W(\d\d)")
_MONTH = re.compile(r"(\d{4})-(\d\d)")
_QUARTER = re.compile(r"(\d{4})-?Q([1-4])")
_FORMS = (("hour", _HOUR, (24, 168)), ("day", _DAY, (7, 364)), ("week", _WEEK, (52,)),
          ("month", _MONTH, (12,)), ("quarter", _QUARTER, (4,)))  # fmt: skip


class Calendar(msgspec.Struct, frozen=True):
    """``at[p]``: ordinal of period ``p``, in units of one period. ``seasons``: after how many units one returns."""

    unit: str
    at: tuple[int, ...]
    seasons: tuple[int, ...]
    next_label: str

    @property
    def next_at(self) -> int:
        """Ordinal of the period that follows the last."""
        return self.at[-1] + 1


def calendar_of(periods: Sequence[str]) -> Calendar:
    """Read sorted labels. Labels of no known form are numbered; labels of several forms are refused."""
    for unit, form, seasons in _FORMS:
        fits = [form.fullmatch(period) for period in periods]
        if all(fits):
            at = tuple(_ordinal(unit, period, tuple(map(int, match.groups()))) for period, match in
                       zip(periods, fits, strict=True) if match)  # fmt: skip
            if any(later <= earlier for earlier, later in pairwise(at)):
                raise InvalidRequest(
                    f"The periods from {periods[0]!r} to {periods[-1]!r}, sorted as text, are not in time's order: "
                    f"one {unit} is written in two ways.",
                    param="log",
                )
            return Calendar(unit, at, seasons, _label(unit, at[-1] + 1))
        if any(fits):
            known, odd = (next(p for p, fit in zip(periods, fits, strict=True) if bool(fit) is is_fit)
                          for is_fit in (True, False))  # fmt: skip
            raise InvalidRequest(
                f"The periods {known!r} and {odd!r} are not of one form, so their order means nothing. Write all as "
                "months (2020-01), days (2020-01-17), weeks (2020-W03), quarters (2020-Q1) or hours (2020-01-17T09).",
                param="log",
            )
    lengths = {len(period) for period in periods}
    if all(period.isdigit() for period in periods) and len(lengths) > 1:
        raise InvalidRequest(
            f"The periods {periods[0]!r} and {periods[-1]!r} are numbers of different length and sort as text, not as "
            "numbers. Pad them with zeros (01, 02, … 10).",
            param="log",
        )
    return Calendar("period", tuple(range(len(periods))), (), f"after {periods[-1]}")


def _ordinal(unit: str, label: str, parts: tuple[int, ...]) -> int:
    try:
        if unit == "hour":
            return date(*parts[:3]).toordinal() * 24 + _below(parts[3], 24)
        if unit == "day":
            return date(*parts).toordinal()
        if unit == "week":
            return (date.fromisocalendar(parts[0], parts[1], 1).toordinal() - 1) // 7
        per_year = 12 if unit == "month" else 4
        return parts[0] * per_year + _below(parts[1] - 1, per_year)
    except ValueError as error:
        raise InvalidRequest(f"The period {label!r} looks like a {unit} and is none: {error}.", param="log") from error


def _below(value: int, limit: int) -> int:
    if 0 <= value < limit:
        return value
    raise ValueError(f"its last part has to be one of {limit}")


def _label(unit: str, at: int) -> str:
    if unit == "hour":
        return (datetime.fromordinal(at // 24).replace(tzinfo=UTC) + timedelta(hours=at % 24)).strftime("%Y-%m-%dT%H")
    if unit == "day":
        return date.fromordinal(at).isoformat()
    if unit == "week":
        year, week, _ = date.fromordinal(at * 7 + 1).isocalendar()
        return f"{year}-W{week:02}"
    if unit == "month":
        return f"{at // 12:04}-{at % 12 + 1:02}"
    return f"{at // 4:04}-Q{at % 4 + 1}"

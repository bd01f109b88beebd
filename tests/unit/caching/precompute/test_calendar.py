"""Period labels as points in time."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.caching.precompute.calendar import calendar_of
from slipstream.errors import InvalidRequest


@pytest.mark.parametrize(
    ("labels", "unit", "next_label"),
    [
        (["2019-12", "2020-01"], "month", "2020-02"),
        (["2020-11", "2020-12"], "month", "2021-01"),
        (["2020-02-28", "2020-02-29"], "day", "2020-03-01"),
        (["2020-W52", "2020-W53"], "week", "2021-W01"),
        (["2020-Q3", "2020-Q4"], "quarter", "2021-Q1"),
        (["2020-12-31T22", "2020-12-31T23"], "hour", "2021-01-01T00"),
        (["before", "later"], "period", "after later"),
    ],
)
def test_a_label_tells_its_unit_and_what_comes_next(labels: list[str], unit: str, next_label: str) -> None:
    calendar = calendar_of(labels)

    assert (calendar.unit, calendar.next_label) == (unit, next_label)
    assert calendar.at[1] - calendar.at[0] == 1


def test_a_period_that_the_log_lacks_leaves_a_gap() -> None:
    assert [
        b - a for a, b in zip(*[calendar_of(["2020-01", "2020-02", "2020-05"]).at[i:] for i in (0, 1)], strict=False)
    ] == [1, 3]


@given(st.lists(st.dates(date(1990, 1, 1), date(2090, 1, 1)), min_size=2, unique=True))
def test_days_lie_as_far_apart_as_the_calendar_says(days: list[date]) -> None:
    days.sort()

    at = calendar_of([day.isoformat() for day in days]).at

    assert [one - at[0] for one in at] == [(day - days[0]) // timedelta(days=1) for day in days]


def test_one_hour_written_in_two_ways_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="written in two ways"):
        calendar_of(["2020-01-01 05", "2020-01-01T05"])

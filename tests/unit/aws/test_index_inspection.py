from __future__ import annotations

import pytest

from slipstream.aws.index_inspection import seconds
from slipstream.retrieval.profiling.figures import Activity


@pytest.mark.parametrize(
    ("interval", "meant"), [("1s", 1.0), ("30s", 30.0), ("500ms", 0.5), ("1m", 60.0), ("1.5h", 5400.0), ("-1", -1.0)]
)
def test_an_interval_of_the_engine_is_read_in_seconds(interval: str, meant: float) -> None:
    assert seconds(interval) == meant


def test_activity_is_what_was_counted_in_between() -> None:
    before = Activity(searches=10, query_ms=100, fetch_ms=10, refreshes=3, indexed=7, rejected=0, evictions=1)
    after = Activity(searches=30, query_ms=160, fetch_ms=30, refreshes=4, indexed=7, rejected=2, evictions=1)

    activity = before.until(after)

    assert (activity.searches, activity.refreshes, activity.indexed, activity.rejected) == (20, 1, 0, 2)
    assert activity.fetch_share == 0.25

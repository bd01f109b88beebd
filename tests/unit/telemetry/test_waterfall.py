"""Spans add up and nest."""

from __future__ import annotations

from time import perf_counter

import pytest

from slipstream.telemetry.waterfall import Waterfall


def test_a_span_lies_within_the_request_and_knows_its_parent() -> None:
    waterfall = Waterfall()
    with waterfall.span("outer") as outer, waterfall.span("inner") as inner:
        pass
    assert inner.parent == "outer"
    assert outer.parent is None
    assert inner.end_ms is not None
    assert outer.end_ms is not None
    assert 0 <= outer.start_ms <= inner.start_ms <= inner.end_ms <= outer.end_ms <= waterfall.now_ms()


def test_time_counts_from_the_arrival_of_the_request() -> None:
    waterfall = Waterfall(origin_s=perf_counter() - 1)
    with waterfall.span("late") as span:
        pass
    assert span.start_ms >= 1000


def test_a_span_is_closed_when_its_block_raises() -> None:
    waterfall = Waterfall()
    with pytest.raises(ValueError, match="broken"), waterfall.span("failing"):
        raise ValueError("broken")
    assert list(waterfall.ms()) == ["failing"]
    with waterfall.span("next") as following:
        pass
    assert following.parent is None


def test_spans_of_one_name_add_up_and_open_ones_are_left_out() -> None:
    waterfall = Waterfall()
    first, second = waterfall.begin("call"), waterfall.begin("call")
    waterfall.begin("open")
    waterfall.end(first)
    waterfall.end(second)
    assert waterfall.ms() == {"call": pytest.approx(first.duration_ms + second.duration_ms, abs=0.002)}


def test_server_timing_lists_names_and_durations() -> None:
    waterfall = Waterfall()
    with waterfall.span("resolve"):
        pass
    name, _, value = waterfall.server_timing().partition(";dur=")
    assert name == "resolve"
    assert float(value) >= 0

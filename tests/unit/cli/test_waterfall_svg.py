"""The waterfall as a picture that can be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.waterfall_svg import FACTS_CHARS, picture, tick_ms

REPORT = {"model": "a-model-with-a-long-name-" * 6, "spans_ms": {"parse": 1.0, "bedrock_wait": 1700.0}, "tokens": {}}


@pytest.mark.parametrize(("end", "step"), [(1786, 500), (6000, 1000), (61, 20), (0.5, 0.1)])
def test_time_lines_stand_at_round_numbers(end: float, step: float) -> None:
    assert tick_ms(end) == pytest.approx(step)


@given(st.floats(0.001, 1e7))
def test_there_are_some_time_lines_and_never_many(end: float) -> None:
    assert 2 <= end / tick_ms(end) <= 6.001


def test_facts_that_are_long_go_on_in_a_second_line() -> None:
    drawn = picture("Why?", REPORT, 1701.0, 1800.0)

    lines = [part.split("<")[0] for part in drawn.split('fill="#475569">')[1:]]
    assert len(lines) > 1
    assert max(map(len, lines)) <= max(FACTS_CHARS, len(REPORT["model"]))  # type: ignore[arg-type]


def test_a_note_stands_at_the_foot() -> None:
    assert "modelled times" in picture("Why?", REPORT, 1701.0, 1800.0, "modelled times")

"""The forecast on demand whose rule is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from slipstream.caching.precompute.forecast import Forecast, forecasts
from slipstream.caching.precompute.plan import Budget, evaluate
from slipstream.caching.precompute.query_log import read_log
from slipstream.caching.precompute.questions import Questions, questions_of
from slipstream.caching.precompute.value import Costs, Valuation
from slipstream.models.resolve import Resolver
from tests.unit.caching.precompute.logs import Row, steady, write

DAYS = [f"2020-03-{day:02}" for day in range(1, 32)]


def questions(folder: Path, rows: list[Row]) -> Questions:
    return questions_of(read_log(write(folder / "log.tsv", rows)), "en")


def last(found: Questions, answers: int) -> tuple[Forecast, dict[str, float]]:
    *_, forecast = forecasts(found, answers)
    names = [" ".join(found.keys[number]) for number in forecast.question]
    return forecast, dict(zip(names, forecast.expected.tolist(), strict=True))


def test_steady_demand_is_forecast_as_it_is(tmp_path: Path) -> None:
    _, expected = last(questions(tmp_path, steady(DAYS, {"map": 40, "tree": 3})), 2)

    assert expected == {"map": pytest.approx(40, rel=0.05), "tree": pytest.approx(3, rel=0.05)}


def test_a_topic_that_rises_overtakes_what_was_always_there(tmp_path: Path) -> None:
    rising = [(day, "flood", 10 * number, 10 * number) for number, day in enumerate(DAYS[-8:], 1)]

    _, expected = last(questions(tmp_path, [*steady(DAYS, {"map": 60}), *rising]), 1)

    assert expected["flood"] > expected["map"]


def test_a_weekday_brings_back_its_own(tmp_path: Path) -> None:
    wednesdays = [(day, "market", 50, 50) for day in DAYS if int(day[-2:]) % 7 == 4]  # the next is 1 April

    forecast, expected = last(questions(tmp_path, [*steady(DAYS, {"map": 20}), *wednesdays]), 1)

    assert forecast.known == len(DAYS)
    assert expected["market"] > expected["map"]


def test_one_visitor_who_asks_a_hundred_times_counts_less_than_many_who_ask_once(tmp_path: Path) -> None:
    months = [f"2020-{month:02}" for month in range(1, 13)]
    bursts = [(month, f"burst{number}", 100, 1) for number, month in enumerate(months)]

    _, expected = last(questions(tmp_path, [*steady(months, {"map": 6, "tree": 6}), *bursts]), 2)

    assert sorted(expected, key=expected.__getitem__)[-2:] == ["map", "tree"]


def test_more_is_served_than_by_the_yardsticks_where_demand_has_a_rule(tmp_path: Path) -> None:
    dice = np.random.default_rng(7)
    rows = [
        (day, f"word{word}", int(count), int(count))
        for at, day in enumerate(DAYS)
        for word, count in enumerate(dice.poisson([(24 if (word + at) % 7 == 0 else 4) for word in range(60)]))
        if count
    ]
    found = questions(tmp_path, rows)

    tried = [
        one.tried.shares for one in evaluate(found, Budget(10, only_worthwhile=False), Valuation(Costs(), Resolver()))
    ]

    late = tried[14:]
    assert sum(one.served for one in late) > 1.5 * sum(one.weighted for one in late)
    assert sum(one.served for one in late) > 0.9 * sum(one.oracle for one in late)

"""Choosing by forecast, value and budget; and that no choice knows the future."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipstream.caching.precompute.plan import Budget, Plan, evaluate, plan
from slipstream.caching.precompute.query_log import read_log
from slipstream.caching.precompute.questions import questions_of
from slipstream.caching.precompute.value import Costs, Valuation
from slipstream.errors import InvalidRequest, ModelNotFound
from slipstream.models.resolve import Resolver
from tests.unit.caching.precompute.logs import Row, steady, write

MONTHS = ("2020-01", "2020-02", "2020-03", "2020-04", "2020-05")
WORDS = ("map", "tree", "school", "noise", "budget", "water", "traffic", "kita", "bus", "light")
VALUATION = Valuation(Costs(), Resolver())

rows = st.lists(
    st.tuples(
        st.sampled_from(MONTHS),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(" ".join),
        st.integers(0, 50),
        st.integers(0, 50),
    ),
    min_size=10,
    max_size=60,
).filter(lambda drawn: len({row[0] for row in drawn}) == len(MONTHS))
budgets = st.builds(
    Budget, st.integers(1, 12), st.none() | st.floats(0, 0.1), st.booleans(), min_users=st.integers(1, 3)
)


def periods_of(drawn: list[Row], budget: Budget) -> list[list[str]]:
    """The questions chosen for each period but the first."""
    with TemporaryDirectory() as folder:
        questions = questions_of(read_log(write(Path(folder) / "log.tsv", drawn)), "en")
        return [[one.question for one in period.chosen.choices] for period in evaluate(questions, budget, VALUATION)]


def planned(drawn: list[Row], budget: Budget, valuation: Valuation = VALUATION) -> Plan:
    with TemporaryDirectory() as folder:
        return plan(questions_of(read_log(write(Path(folder) / "log.tsv", drawn))), budget, valuation)


@settings(max_examples=40, deadline=None)
@given(rows, budgets, st.randoms(use_true_random=False))
def test_no_choice_depends_on_what_is_asked_later(drawn: list[Row], budget: Budget, dice: random.Random) -> None:
    past = [row for row in drawn if row[0] <= MONTHS[2]]
    future = [row for row in drawn if row[0] > MONTHS[2]]
    others = [f"new{number}" for number in range(len(future))] + [row[1] for row in future]
    dice.shuffle(others)
    changed = [
        (row[0], other, dice.randint(0, 900), dice.randint(0, 900)) for row, other in zip(future, others, strict=False)
    ]

    # for March and for April only what lies before April is known
    assert periods_of(drawn, budget)[:3] == periods_of([*past, *changed], budget)[:3]


@settings(max_examples=40, deadline=None)
@given(rows, budgets, st.randoms(use_true_random=False))
def test_the_order_of_rows_decides_nothing(drawn: list[Row], budget: Budget, dice: random.Random) -> None:
    shuffled = dice.sample(drawn, len(drawn))

    assert planned(drawn, budget) == planned(shuffled, budget)


@settings(max_examples=60, deadline=None)
@given(rows, budgets)
def test_a_budget_is_never_exceeded_and_the_oracle_never_beaten(drawn: list[Row], budget: Budget) -> None:
    made = planned(drawn, budget)

    for chosen in (made.chosen, made.backtest.chosen):
        assert len(chosen.choices) <= budget.answers
        assert len(set(chosen.numbers)) == len(chosen.numbers)
        assert budget.usd is None or chosen.cost_usd <= budget.usd + 1e-12
        assert not budget.only_worthwhile or all(choice.value_usd > 0 for choice in chosen.choices)
    shares = msgspec.structs.asdict(made.backtest.tried.shares)
    assert all(0 <= share <= shares["oracle"] + 1e-12 <= 1 + 1e-9 for share in shares.values())


def test_what_is_asked_most_is_answered_first_in_its_commonest_spelling() -> None:
    drawn = [*steady(MONTHS, {"City Maps": 6, "city map": 9, "trees": 12}), ("2020-03", "noise", 4, 4)]

    made = planned(drawn, Budget(2))

    assert [choice.question for choice in made.chosen.choices] == ["city map", "trees"]
    assert made.chosen.choices[0].expected_hits == pytest.approx(15, rel=0.15)
    assert made.period == "2020-06"


def test_a_season_brings_back_what_it_brought_before() -> None:
    months = [f"20{year}-{month:02}" for year in (17, 18, 19, 20) for month in range(1, 13)]
    drawn = steady(months, {"museum": 20, "parking": 10})
    drawn += [(month, "fireworks", 80, 80) for month in months if month.endswith("-12")]

    questions = [
        choice.question
        for choice in planned(
            [row for row in drawn if row[0] < "2020-12"], Budget(1, only_worthwhile=False)
        ).chosen.choices
    ]

    assert questions == ["fireworks"]


def test_what_saves_less_than_it_costs_is_left_out_unless_the_budget_is_to_be_filled() -> None:
    drawn = [*steady(MONTHS, {"map": 40}), *steady(MONTHS[::2], {"tree": 1})]
    dear = Valuation(Costs(answer_tokens=3000, second_usd=0.0, saved_s=0.0, kept_months=12), Resolver())

    assert [one.question for one in planned(drawn, Budget(5, min_users=1), dear).chosen.choices] == ["map"]
    assert len(planned(drawn, Budget(5, only_worthwhile=False, min_users=1), dear).chosen.choices) == 2


def test_what_hardly_anyone_asked_and_what_is_personal_is_left_out_and_counted() -> None:
    drawn = [*steady(MONTHS, {"map": 9, "ada@example.org": 30, "0301234567": 20}), ("2020-04", "my own illness", 1, 1)]

    chosen = planned(drawn, Budget(9, only_worthwhile=False)).chosen

    assert [choice.question for choice in chosen.choices] == ["map"]
    assert (chosen.dropped.mail, chosen.dropped.long_number, chosen.dropped.few_users) == (1, 1, 1)


def test_users_are_counted_by_visits_where_a_log_has_them() -> None:
    often = [*steady(MONTHS, {"map": 9}), ("2020-05", "one visitor reloads", 500, 1)]
    unknown = [(month, query, count, 0) for month, query, count, _ in often]

    assert len(planned(often, Budget(9, only_worthwhile=False)).chosen.choices) == 1
    assert len(planned(unknown, Budget(9, only_worthwhile=False)).chosen.choices) == 2


def test_dollars_left_over_go_to_questions_that_they_pay() -> None:
    drawn = steady(MONTHS, {"map": 40, "tree": 30, "noise": 20})
    each = planned(drawn, Budget(1)).chosen.cost_usd

    assert len(planned(drawn, Budget(3, usd=2.5 * each)).chosen.choices) == 2


def test_value_follows_its_formula() -> None:
    costs = Costs(model="anthropic.claude-haiku-4-5-20251001-v1:0", context_tokens=1000, answer_tokens=200, saved_s=2,
                  second_usd=0.01, answer_kb=4, kept_months=2)  # fmt: skip
    live = (1000 + 2) * 1.1e-6 + 200 * 5.5e-6  # a bare id is billed at the regional price
    storing = 4 * 0.625e-6 + 4 / 1024**2 * 0.25 * 2

    worth = Valuation(costs, Resolver()).worth("seven ch", 3.0)

    assert worth.cost_usd == pytest.approx(live + storing)
    assert worth.value_usd == pytest.approx(3 * (2 * 0.01 + live - 0.125e-6) - live - storing)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Budget(0), "0 answers"),
        (lambda: Budget(5, usd=-1.0), "-1.0 dollars"),
        (lambda: Budget(5, usd=float("nan")), "nan dollars"),
        (lambda: Budget(5, min_users=0), "min_users is 0"),
        (lambda: Valuation(Costs(saved_s=-1), Resolver()), "saved_s is -1"),
        (lambda: Valuation(Costs(model="cohere.made-up-v1:0"), Resolver()), "No price"),
    ],
)
def test_a_budget_or_cost_that_means_nothing_is_refused(make: object, said: str) -> None:
    assert callable(make)
    with pytest.raises(InvalidRequest, match=said):
        make()


def test_a_model_that_is_none_is_refused() -> None:
    with pytest.raises(ModelNotFound):
        Valuation(Costs(model="balancd"), Resolver())

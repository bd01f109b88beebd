"""Metrics against values computed by hand, and what holds for any order."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.retrieval.metrics import ndcg, paired_difference, recall, reciprocal_rank_of_first

GAINS = st.dictionaries(st.sampled_from("abcdefghijklmno"), st.sampled_from([0.0, 1.0, 2.0]), min_size=1)
ORDERS = st.permutations(list("abcdefghijklmno"))


def test_ndcg_discounts_by_the_logarithm_of_the_rank() -> None:
    assert ndcg(["x", "a", "y", "b"], {"a": 1.0, "b": 1.0}) == pytest.approx(
        (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3))
    )


def test_ndcg_counts_graded_gains_as_they_are() -> None:
    assert ndcg(["b", "a"], {"a": 3.0, "b": 1.0}) == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))


def test_ndcg_looks_no_further_than_its_cutoff() -> None:
    order = [f"x{rank}" for rank in range(10)] + ["a"]

    assert ndcg(order, {"a": 1.0}) == 0.0
    assert ndcg(order, {"a": 1.0}, cutoff=11) > 0.0


def test_ndcg_of_more_relevant_documents_than_places_can_still_be_one() -> None:
    names = [f"d{number}" for number in range(30)]

    assert ndcg(names[:10], dict.fromkeys(names, 1.0)) == pytest.approx(1.0)


def test_recall_is_the_share_of_what_is_relevant() -> None:
    assert recall(["a", "x", "b"], {"a": 1.0, "b": 2.0, "c": 1.0, "d": 0.0}) == pytest.approx(2 / 3)


def test_reciprocal_rank_is_of_the_first_relevant_one() -> None:
    assert reciprocal_rank_of_first(["x", "y", "a", "b"], {"a": 1.0, "b": 1.0}) == pytest.approx(1 / 3)
    assert reciprocal_rank_of_first(["x"], {"a": 1.0}) == 0.0


@given(ORDERS, GAINS)
def test_metrics_are_shares(order: list[str], gains: dict[str, float]) -> None:
    for metric in (ndcg, recall, reciprocal_rank_of_first):
        assert 0.0 <= metric(order, gains) <= 1.0 + 1e-12


@given(ORDERS, GAINS)
def test_no_order_is_better_than_the_order_of_the_gains(order: list[str], gains: dict[str, float]) -> None:
    best = sorted(order, key=lambda name: -gains.get(name, 0.0))

    assert ndcg(order, gains) <= ndcg(best, gains) + 1e-12


def test_the_interval_of_no_difference_is_nothing() -> None:
    found = paired_difference([0.5, 0.7], [0.5, 0.7])

    assert (found.difference, found.low_95, found.high_95) == (0.0, 0.0, 0.0)


def test_the_interval_holds_the_mean_and_narrows_with_the_number_of_questions() -> None:
    few = paired_difference([1.0, 0.0] * 10, [0.0, 0.0] * 10)
    many = paired_difference([1.0, 0.0] * 500, [0.0, 0.0] * 500)

    assert few.low_95 < 0.5 < few.high_95
    assert many.high_95 - many.low_95 < few.high_95 - few.low_95


def test_the_interval_is_as_wide_as_theory_says() -> None:
    found = paired_difference([1.0, 0.0] * 200, [0.0] * 400)

    assert found.high_95 - found.low_95 == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(400), rel=0.1)

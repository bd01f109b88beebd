"""The bound, by simulation: streams of which the truth is planted."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.caching.semantic.calibration import Cut, cut, fewest_labels, interval, level, upper_bound


def planted(chance: random.Random, count: int, *, share: float, apart: float) -> list[tuple[float, bool]]:
    """Scores of equal pairs (``share`` of them) and others, normal, their means ``apart`` standard deviations."""
    truth = [chance.random() < share for _ in range(count)]
    return [(chance.gauss(apart if same else 0.0, 1.0), same) for same in truth]


def chosen(labels: list[tuple[float, bool]], candidates: list[tuple[float, bool]], epsilon: float) -> Cut | None:
    scores, equal = zip(*labels, strict=True)
    return cut(scores, equal, [score for score, _ in candidates], epsilon)


@pytest.mark.parametrize("labels", [60, 150, 600])
@pytest.mark.parametrize("apart", [1.0, 2.5, 5.0])
def test_the_mean_share_of_wrong_hits_keeps_the_bound(labels: int, apart: float) -> None:
    epsilon, chance, rates = 0.05, random.Random(7), []
    for _ in range(200):
        known = planted(chance, labels, share=0.7, apart=apart)
        stream = planted(chance, 800, share=0.7, apart=apart)
        found = chosen(known, stream, epsilon)
        served = [same for score, same in stream if found is not None and score >= found.score]
        rates.append(served.count(False) / len(served) if served else 0.0)

    error = statistics.stdev(rates) / math.sqrt(len(rates))
    assert statistics.mean(rates) <= level(epsilon, labels) + 2 * error


def test_a_clear_stream_is_served() -> None:
    chance = random.Random(3)
    stream = planted(chance, 800, share=0.7, apart=6.0)

    found = chosen(planted(chance, 300, share=0.7, apart=6.0), stream, 0.01)

    assert found is not None
    assert found.share > 0.6


@pytest.mark.parametrize("seed", range(20))
def test_labels_that_are_noise_end_with_no_hits(seed: int) -> None:
    chance = random.Random(seed)

    assert chosen(planted(chance, 400, share=0.7, apart=0.0), planted(chance, 400, share=0.7, apart=0.0), 0.01) is None


def test_too_few_labels_serve_nothing_however_clear_they_are() -> None:
    clear = [(10.0, True)] * 3 + [(-10.0, False)]
    few, enough = clear * 24, clear * 50

    assert len(few) < fewest_labels(0.01) <= len(enough)
    assert chosen(few, few, 0.01) is None
    assert chosen(enough, enough, 0.01) is not None


def test_labels_that_are_all_right_say_nothing_of_where_wrong_ones_begin() -> None:
    labels = [(float(number), True) for number in range(500)]

    assert chosen(labels, labels, 0.01) is None


def test_what_is_likely_wrong_stays_a_quarter_below_epsilon() -> None:
    epsilon, chance, found = 0.05, random.Random(5), list[Cut | None]()
    for _ in range(40):
        found.append(chosen(*(planted(chance, 400, share=0.7, apart=2.5) for _ in range(2)), epsilon))

    estimates = [one.estimate for one in found if one is not None]
    assert len(estimates) > 20
    assert 0.7 * epsilon < max(estimates) <= 0.75 * epsilon


def test_candidates_that_a_rule_forbids_are_never_served() -> None:
    labels = [(5.0, True)] * 200 + [(-5.0, False)] * 100
    scores, equal = zip(*labels, strict=True)

    found = cut(scores, equal, [5.0] * 10 + [-math.inf] * 2, 0.02)

    assert found is not None
    assert found.score == 5.0


def test_a_wrong_answer_that_was_reported_makes_it_stricter() -> None:
    labels = [(number / 100, True) for number in range(300, 900)] + [
        (number / 100, False) for number in range(-200, 200)
    ]
    scores, equal = zip(*labels, strict=True)
    before = cut(scores, equal, scores, 0.005)

    after = cut(scores, equal, scores, 0.005, struck=[5.0] * 3)

    assert before is not None
    assert after is None or after.score > max(before.score, 5.0)


@given(st.floats(0.001, 0.4), st.integers(1, 10_000))
def test_the_bound_comes_down_to_epsilon_as_labels_come_in(epsilon: float, labels: int) -> None:
    assert epsilon < level(epsilon, labels + 1) < level(epsilon, labels)
    assert level(epsilon, fewest_labels(epsilon)) <= 1.5 * epsilon


def test_upper_limits_are_those_of_the_tables() -> None:
    assert math.isclose(upper_bound(0, 299), 1 - 0.05 ** (1 / 299), rel_tol=1e-9)
    assert math.isclose(upper_bound(5, 100), 0.10225, abs_tol=1e-4)  # R: binom.test(5, 100, alternative = "less")
    assert upper_bound(0, 0) == upper_bound(3, 3) == 1.0


@given(st.integers(0, 40), st.integers(41, 400))
def test_an_upper_limit_lies_above_the_share_and_grows_with_it(wrong: int, of: int) -> None:
    assert wrong / of < upper_bound(wrong, of) < upper_bound(wrong + 1, of + 1) + 1 / of


@pytest.mark.parametrize(
    ("wrong", "of", "low", "high"),
    [(0, 100, 0.0, 0.0362), (5, 100, 0.0164, 0.1128), (1, 10, 0.0025, 0.4450), (10, 10, 0.6915, 1.0), (0, 0, 0.0, 1.0)],
)
def test_two_sided_limits_are_those_of_the_tables(wrong: int, of: int, low: float, high: float) -> None:
    """Clopper and Pearson's limits, as statistical tables have them."""
    assert interval(wrong, of) == pytest.approx((low, high), abs=1e-4)

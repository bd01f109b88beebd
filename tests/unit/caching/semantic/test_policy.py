"""Learning while serving, on streams of which the truth is planted."""

from __future__ import annotations

import pytest

from bench.twins import twins
from slipstream.caching.semantic.calibration import fewest_labels
from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.policy import Policy
from slipstream.caching.semantic.reading import read
from slipstream.caching.semantic.verifier import Verifier, calibration_from, encoded
from tests.unit.caching.semantic.planted import play, policy, stream

CLEAR = 6.0


@pytest.fixture(scope="module")
def learnt() -> tuple[Policy, list[tuple[int, bool]], int]:
    learner, pairs = policy(first=120), stream(500, seed=5, apart=CLEAR)
    served = play(learner, pairs)
    return learner, served, sum(equal for _, equal in pairs[250:])


def test_a_clear_stream_is_served_once_it_has_been_learnt(learnt: tuple[Policy, list[tuple[int, bool]], int]) -> None:
    _, served, true_pairs = learnt
    late = [equal for at, equal in served if at >= 250]

    assert sum(late) > 0.9 * true_pairs
    assert late.count(False) <= 0.02 * len(late) + 1


def test_nothing_is_served_before_there_is_evidence(learnt: tuple[Policy, list[tuple[int, bool]], int]) -> None:
    _, served, _ = learnt

    assert min(at for at, _ in served) >= fewest_labels(0.02)


def test_no_more_is_checked_than_was_allowed(learnt: tuple[Policy, list[tuple[int, bool]], int]) -> None:
    learner, _, _ = learnt

    assert len(learner.labels) == 120


def test_twins_are_refused_after_learning_too(learnt: tuple[Policy, list[tuple[int, bool]], int]) -> None:
    verifier = learnt[0].verifier
    both_ways = [pair for twin in twins() for pair in ((twin.asked, twin.candidate), (twin.candidate, twin.asked))]

    assert [pair for pair in both_ways if verifier.decide(Pair(read(pair[0]), read(pair[1]), 0.99)).serve] == []


def test_what_was_learnt_is_the_same_after_it_was_stored(learnt: tuple[Policy, list[tuple[int, bool]], int]) -> None:
    verifier = learnt[0].verifier
    again = Verifier(calibration_from(encoded(verifier.calibration)))

    for pair, _ in stream(50, seed=9, apart=CLEAR):
        assert again.decide(pair) == verifier.decide(pair)


def test_a_pair_that_was_found_wrong_is_never_served(learnt: tuple[Policy, list[tuple[int, bool]], int]) -> None:
    learner = learnt[0]
    wrong = [label.pair for label in learner.labels if not label.equal]

    for pair in wrong:
        for one, other in ((pair.asked, pair.candidate), (pair.candidate, pair.asked)):
            assert not learner.verifier.decide(Pair(read(one), read(other), 0.999)).serve


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_labels_that_are_noise_end_with_no_hits(seed: int) -> None:
    learner = policy(first=120)

    assert play(learner, stream(300, seed=seed, apart=0.0)) == []
    assert learner.verifier.calibration.learnt


def test_reported_wrong_answers_make_it_stricter() -> None:
    learner, pairs = policy(first=120), stream(300, seed=5, apart=CLEAR)
    play(learner, pairs)
    before = learner.verifier.calibration.cut
    wrong = [pair for pair, _ in stream(40, seed=6, apart=CLEAR, share=1.0)]

    for pair in wrong:
        learner.tell(pair, equal=False, drawn=False)
    assert learner.due()
    after = learner.relearn().cut

    assert before is not None
    assert after is None or after.share < before.share


def test_reports_are_no_evidence_that_answers_are_right() -> None:
    learner = policy(first=0)

    for pair, equal in stream(200, seed=5, apart=CLEAR):
        learner.look(pair)
        learner.tell(pair, equal=equal, drawn=False)

    assert not learner.due()
    assert learner.relearn().cut is None


def test_checks_go_on_at_a_steady_share_after_the_first_ones() -> None:
    learner = policy(first=0, steady=0.25)

    assert 180 < sum(learner.wants_check() for _ in range(1000)) < 320


def test_the_same_words_stand_for_one_another_until_a_label_says_that_two_differ() -> None:
    learner = policy(first=120)
    same = Pair(read("How do I sort?"), read("how do i sort"), 0.99)
    learner.tell(same, equal=True, drawn=False)
    assert learner.relearn().same_words
    learner.tell(Pair(read("Can I park?"), read("can I park"), 0.99), equal=False, drawn=False)
    assert not learner.relearn().same_words
    assert not learner.verifier.decide(same).serve


def test_the_same_words_are_checked_as_seldom_as_when_all_is_learnt_and_are_no_sample_of_candidates() -> None:
    learner = policy(first=120)
    assert not any(learner.wants_check(sure=True) for _ in range(1000))
    learner.look(Pair(read("How do I sort?"), read("how do i sort"), 0.99))
    assert len(learner._recent) == 0

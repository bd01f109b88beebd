"""Decisions before anything has been learnt, and calibrations as they are stored."""

from __future__ import annotations

import msgspec
import pytest

from bench.twins import twins
from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.reading import read
from slipstream.caching.semantic.verifier import Calibration, Decision, Verifier, calibration_from, encoded, shipped
from slipstream.errors import InvalidRequest


def decide(asked: str, candidate: str, calibration: Calibration | None = None) -> Decision:
    return Verifier(calibration or shipped()).decide(Pair(read(asked), read(candidate), 0.99))


@pytest.mark.parametrize(
    ("asked", "candidate"),
    [
        ("How do I delete my account?", "how do i delete my account"),
        ("How do I delete my account?", "Hi, please tell me how to delete my account"),
        ("Where can I buy a ticket?", "where can I buy a ticket"),
        ("Is it possible to pay by card?", "Can I pay by card?"),
    ],
)
def test_the_same_words_are_served_as_shipped(asked: str, candidate: str) -> None:
    assert decide(asked, candidate) == Decision(True, "same words")


def test_other_words_need_evidence() -> None:
    assert decide("How do I delete my account?", "Can I get rid of my profile?") == Decision(
        False, "too little evidence"
    )


def test_no_twin_is_served_as_shipped() -> None:
    served = [twin for twin in twins() if decide(twin.asked, twin.candidate).serve]

    assert served == []


def test_the_reason_names_the_rule() -> None:
    assert decide("Keep logs for 5 days", "Keep logs for 9 days").reason == "differs in numbers"


def test_empty_questions_are_not_the_same() -> None:
    assert not decide("???", "!").serve


def test_the_same_words_are_served_after_learning_too_until_two_such_questions_differed() -> None:
    same = "How do I sort?", "how do i sort"
    assert decide(*same, Calibration(learnt=True)).sure
    assert not decide(*same, Calibration(learnt=True, same_words=False)).serve


def test_once_learnt_from_only_labels_decide_what_is_in_other_words() -> None:
    assert not decide("How do I sort?", "Which way is there to sort?", Calibration(learnt=True)).serve


def test_what_ships_says_where_it_comes_from() -> None:
    made_of = shipped().provenance

    assert made_of.sets
    assert made_of.date
    assert sum(made_of.wrong.values()) == 0


def test_a_stored_calibration_is_read_as_it_was() -> None:
    calibration = Calibration(epsilon=0.02, learnt=True)

    assert calibration_from(encoded(calibration)) == calibration


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "no calibration"),
        (b'{"version": 2}', "version 2"),
        (b'{"version": 1, "rule": 3}', "rule"),
        (b"[]", "object"),
    ],
)
def test_what_is_no_calibration_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        calibration_from(data)


def test_a_decision_is_data() -> None:
    assert msgspec.json.decode(msgspec.json.encode(Decision(True, "learnt", 3.0, 2.0)), type=Decision).score == 3.0

"""What refuses a hit whatever has been learnt, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.twins import Twin, twins
from slipstream.caching.semantic.conflicts import RULES, broken, conflict
from slipstream.caching.semantic.reading import read

TWINS = tuple(twins())


def test_the_twins_are_many_and_each_stands_once() -> None:
    assert len(TWINS) >= 500
    assert len({frozenset((twin.asked, twin.candidate)) for twin in TWINS}) == len(TWINS)


@pytest.mark.parametrize("kind", sorted({twin.kind for twin in TWINS}))
def test_twins_are_refused_in_both_directions(kind: str) -> None:
    def taken(twin: Twin) -> bool:
        asked, candidate = read(twin.asked), read(twin.candidate)
        return conflict(asked, candidate) is None or conflict(candidate, asked) is None

    assert [twin for twin in TWINS if twin.kind == kind and taken(twin)] == []


@pytest.mark.parametrize(
    ("asked", "candidate"),
    [
        ("How do I delete my account?", "how can i remove my account"),
        ("How do I turn on dark mode?", "How can I switch dark mode on?"),
        ("What does a ticket cost?", "What is the price of a ticket?"),
        ("How do I move from Oslo to Rome?", "What is needed to move to Rome from Oslo?"),
        ("Where can I see my FB friends?", "Where can I see my Facebook friends?"),
        ("How long is the session valid?", "For how long is a session valid?"),
        ("Set the limit to 10 GB", "Please set the limit to 10GB"),
        ("What are the steps for 3 users?", "What are the steps for three users?"),
        ("Is it not possible to export?", "Is exporting not possible?"),
        ("What is the capitol of Spain?", "What is the capital of Spain?"),
        ("When does the office open no sorry close?", "When does the office close?"),
        ("What costs 5, er, I mean 6 dollars?", "What costs 6 dollars?"),
    ],
)
def test_other_words_for_the_same_are_not_refused(asked: str, candidate: str) -> None:
    assert conflict(read(asked), read(candidate)) is None
    assert conflict(read(candidate), read(asked)) is None


def test_a_question_that_is_worded_altogether_differently_is_left_to_what_is_learnt() -> None:
    asked, candidate = read("I can't find out which way sheets are linked"), read("How do I connect two sheets?")

    assert "negation" in broken(asked, candidate)
    assert conflict(asked, candidate) is None


@pytest.mark.parametrize(
    ("rule", "asked", "candidate"),
    [
        ("numbers", "Keep logs for 5 days", "Keep logs for 50 days"),
        ("opposites", "Enable the alarm in the hall", "Disable the alarm in the hall"),
        ("negation", "Which regions support it?", "Which regions do not support it?"),
        ("names", "Where was Jane Austen born?", "Where was Emily Dickinson born?"),
        ("direction", "Trains from Rome to Oslo", "Trains from Oslo to Rome"),
        ("comparison", "Is gold heavier than lead?", "Is lead heavier than gold?"),
        ("order", "Did the dog bite the man?", "Did the man bite the dog?"),
        ("one word", "How do I wash a carpet?", "How do I wash a sweater?"),
    ],
)
def test_each_rule_names_what_it_found(rule: str, asked: str, candidate: str) -> None:
    assert rule in broken(read(asked), read(candidate))
    assert rule in RULES


@given(st.text(max_size=80), st.text(max_size=80))
def test_rules_do_not_depend_on_who_asked_first(one: str, other: str) -> None:
    assert (conflict(read(one), read(other)) is None) == (conflict(read(other), read(one)) is None)


@given(st.sampled_from(TWINS))
def test_no_question_is_refused_against_itself(twin: Twin) -> None:
    assert conflict(read(twin.asked), read(twin.asked)) is None


@given(st.text(max_size=200))
def test_any_text_can_be_read_and_is_its_own_equal(text: str) -> None:
    assert broken(read(text), read(text)) == ()

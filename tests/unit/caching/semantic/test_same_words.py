"""What two questions may differ in and still be one in the same words; everything else may be what is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.caching.semantic.same_words import bare_question, same_words


@pytest.mark.parametrize(
    ("asked", "candidate"),
    [
        ("How do I renew my passport?", "Please, how can I renew my passport?"),
        ("How do I renew my passport?", "hello, how do we renew my passport? Thanks a lot!"),
        ("How do I renew my passport?", "How to renew my passport"),
        ("How do I sort?", "how do i sort"),
        ("What is the maximum size?", "Please tell me: what is the maximum size?"),
        ("What is the maximum size?", "Could you please tell me what is the maximum size, please?"),
        ("Can I park here?", "Is it possible to park here?"),
        ("Where is  the\nhall?", "where is the hall…"),
        ("What’s new?", "What's new"),
    ],
)
def test_courtesy_and_ways_to_begin_tell_no_questions_apart(asked: str, candidate: str) -> None:
    assert same_words(asked, candidate)
    assert same_words(candidate, asked)


@pytest.mark.parametrize(
    ("asked", "candidate"),
    [
        ("How do I install C++?", "How do I install C#?"),
        ("What is in plan A?", "What is in plan?"),
        ("What does vitamin A do?", "What does vitamin do?"),
        ("What does 'a' mean?", "What does 'the' mean?"),
        ("What is a CAT scan?", "What is a cat scan?"),
        ("Is 5 mg safe?", "Is 5 Mg safe?"),
        ("When does the US office open?", "When does the us office open?"),
        ('Explain "please" in French', "Explain in French"),
        ("How do I say thanks?", "How do I say?"),
        ("How do I say hello?", "How do I say?"),
        ("Are few people there?", "Are a few people there?"),
        ("What is x² here?", "What is x2 here?"),
        ("What is a.b?", "What is ab?"),
        ("What is to be done?", "What is it to be done?"),
        ("IT policy?", "it policy?"),
    ],
)
def test_a_sign_a_capital_an_article_or_a_quoted_courtesy_does(asked: str, candidate: str) -> None:
    assert not same_words(asked, candidate)
    assert not same_words(candidate, asked)


@pytest.mark.parametrize("nothing", ["", " ", "?", "…"])
def test_what_asks_nothing_is_no_question_in_the_same_words(nothing: str) -> None:
    assert not same_words(nothing, nothing)


@given(st.text(max_size=80))
def test_what_is_bare_stays_as_it_is(text: str) -> None:
    bare = bare_question(text)
    assert bare_question(bare) in (bare, bare_question(bare_question(bare)))


@given(st.text(alphabet="abcXY +#*=!-.[](){}$&|^", min_size=1, max_size=12), st.text(alphabet="+#*=!-&|^", min_size=1))
def test_no_sign_inside_a_question_is_left_out(text: str, sign: str) -> None:
    assert not same_words(f"What is q{text}q?", f"What is q{text}{sign}q?")

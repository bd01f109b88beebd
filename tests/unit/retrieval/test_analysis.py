"""Terms as Lucene's english analyzer makes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.retrieval.analysis import MAX_TOKEN_CHARS, terms, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The retries of Lambda's functions", ["retri", "lambda", "function"]),
        ("s3.amazonaws.com costs 1,024.50 dollars", ["s3", "amazonaws.com", "cost", "1,024.50", "dollar"]),
        ("max_tokens is not 'off'", ["max_token", "off"]),
        ("don’t stop", ["don’t", "stop"]),
        ("sts:AssumeRole at 10:30", ["st", "assumerol", "10", "30"]),
        ("__ _init_ ✔ 👍🏽!", ["_init_", "✔", "👍🏽"]),
        ("the, of; and!", []),
        ("東京タワー に", ["東", "京", "タワー", "に"]),
        ("שלום עולם", ["שלום", "עולם"]),
    ],
)
def test_text_becomes_the_terms_that_the_engine_indexes(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_a_run_without_spaces_is_cut_where_the_engine_cuts_it() -> None:
    assert [len(word) for word in words("x" * 600)] == [MAX_TOKEN_CHARS, MAX_TOKEN_CHARS, 90]


@given(st.text())
def test_any_text_has_terms_without_white_space_or_control_characters(text: str) -> None:
    assert all(term and not any(c.isspace() or c == "\0" for c in term) for term in terms(text))


@given(st.text(), st.text())
def test_texts_apart_by_a_line_keep_their_terms(left: str, right: str) -> None:
    assert terms(f"{left}\n{right}") == terms(left) + terms(right)

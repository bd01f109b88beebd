"""When two queries are the same question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.caching.precompute.matching import LANGUAGES, key_by, language_of_queries
from slipstream.errors import InvalidRequest


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "How do I rotate keys?", "rotating KEY do i how"),
        ("de", "Häuser in der Straße", "haus strasse"),
        ("de", "Grünanlagen", "grünanlage"),
        ("fr", "les écoles", "école"),
    ],
)
def test_case_order_endings_and_common_words_make_no_other_question(language: str, one: str, other: str) -> None:
    assert key_by(language)(one) == key_by(language)(other)


@pytest.mark.parametrize(("one", "other"), [("wfs", "wms"), ("schulen 2019", "schulen 2020"), ("kita", "kita karte")])
def test_another_word_makes_another_question(one: str, other: str) -> None:
    assert key_by("de")(one) != key_by("de")(other)


@pytest.mark.parametrize("text", ["the", "???", "+ -"])
def test_a_query_without_stems_is_its_folded_text(text: str) -> None:
    assert key_by("en")(f" {text} ") == (text,)


@given(st.sampled_from(LANGUAGES), st.text(min_size=1, max_size=40))
def test_every_query_has_a_key_that_surrounding_blanks_do_not_change(language: str, query: str) -> None:
    key = key_by(language)

    assert key(query)
    assert key(f"  {query} ") == key(query)


def test_most_queries_decide_the_language() -> None:
    german = [
        "wo ist das amt für die bürger",
        "karte der stadt und des landes",
        "schulen in der mitte",
        "der Verkehr im Mai",
    ]

    assert language_of_queries(german) == "de"
    assert language_of_queries(["what is the map of the city", "schools that are for the deaf"]) == "en"


def test_an_unknown_language_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidRequest, match=r"'xx'; there are .*de.*en"):
        key_by("xx")

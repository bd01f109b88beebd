from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipstream.errors import InvalidRequest
from tests.contract.search.engines import EAST, Engine, document, names

PLAIN = document("plain", "The quick brown fox jumps over the lazy dog.", vectors=[EAST])
ODD = document("odd", "日本語の検索 שלום עולם café naïve Ünïcode 한국어", vectors=[EAST])

WORDS = [f"word{n}" for n in range(1000)]
QUERIES = {
    "ten thousand characters of words": " ".join(random.Random(1).choices(WORDS, k=1400))[:10_000],
    "ten thousand letters without a space": "x" * 10_000,
    "ten thousand single letters": "a-b+" * 2_500,
    "ten thousand ideograms": "".join(chr(0x4E00 + n) for n in range(10_000)),
    "letters of scripts that part no words": "aไ" * 5_000,
    "only stop words": "to be or not to be, that is the and of it",
    "only punctuation": '?!.,;:-_()[]{}"\'`~@#$%^&*+=|\\/<>',
    "only space": " \t\n\r\u00a0\u2003",
    "NUL": "quick\0brown \0\0 fox",
    "a lone surrogate": "quick \ud800 fox",
    "right to left": "\u200fשלום עולם\u200e",
    "Lucene syntax": 'title:"x" AND (foo OR bar~2) NOT _exists_:baz /re[gex/ ^4 *?* {a TO b] \\',
    "OpenSearch syntax": '{"query": {"match_all": {}}}\n{"index":"*"}\n',
    "emoji": "🦊👨‍👩‍👧‍👦🇩🇪1️⃣",
    "combining marks": "e\u0301" * 2_000,
}  # fmt: skip


@pytest.mark.parametrize("text", QUERIES.values(), ids=QUERIES)
def test_a_query_of_this_kind_is_answered(engine: Engine, text: str) -> None:
    engine.load(PLAIN, ODD)

    legs = engine.search(text, vector=EAST, phrases=(text,), expansions=(text,))

    assert legs.missing == ()
    assert len(legs.dense) == 2
    assert engine.search(text).missing == ()


def test_syntax_in_a_question_is_only_words(engine: Engine) -> None:
    engine.load(PLAIN, ODD)

    assert engine.search("*:*").lexical == ()
    assert engine.search("_exists_:title OR *").lexical == ()
    assert names(engine.search("NOT fox").lexical) == ["plain"]
    assert names(engine.search("fox~ AND +cat").lexical) == ["plain"]


@pytest.mark.parametrize("text", ["検索", "שלום", "한국어", "CAFÉ", "NAÏVE"])
def test_other_scripts_are_found(engine: Engine, text: str) -> None:
    engine.load(PLAIN, ODD)

    assert names(engine.search(text).lexical) == ["odd"]


@pytest.mark.parametrize("name", ["", "*", "a,b", "_all", "UPPER", "../x", "a b", "a" * 101, 'a"}\n{"'])
def test_a_name_that_could_mean_other_indexes_is_refused(rest: Engine, name: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot name an index"):
        replace(rest, index=name).search("x")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    text=st.text(max_size=3000) | st.text("aไ日ア-_.'1", max_size=9000),
    phrases=st.lists(st.text(max_size=300), max_size=20),
    expansions=st.lists(st.text(max_size=200), max_size=40),
)
def test_the_engine_takes_any_text(rest: Engine, text: str, phrases: list[str], expansions: list[str]) -> None:
    if rest.index not in rest.documents.names():
        rest.load(PLAIN)

    legs = rest.search(text, vector=EAST, phrases=tuple(phrases), expansions=tuple(expansions))

    assert legs.missing == ()

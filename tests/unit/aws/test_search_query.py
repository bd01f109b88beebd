"""What the engine is sent, for any query: JSON, within the engine's limits, and of users' text no syntax."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.aws import search_query
from slipstream.aws.search_query import MAX_FILTERS
from slipstream.chat.retrieval_options import Boosts, Filter
from slipstream.errors import InvalidRequest
from slipstream.retrieval.analysis import words
from slipstream.retrieval.search import EngineQuery

MAX_CLAUSES = 1024
"""``indices.query.bool.max_clause_count``, of all leaves of a search."""
MARK = "needle"
MATCHES = ("match", "match_phrase")
LEAVES = (*MATCHES, "term", "terms", "range", "exists", "knn", "script", "match_none")

texts = st.text(max_size=400) | st.text(st.sampled_from("ab 日_.:'1-"), max_size=3000)
weights = st.sampled_from([0.0, 0.5, 1.0])
filters = st.builds(
    Filter, field=texts, any_of=st.lists(texts | st.booleans() | st.floats(allow_nan=False), min_size=1).map(tuple),
    at_least=st.none() | st.floats(-9, 9), exclude=st.booleans(),
)  # fmt: skip
queries = st.builds(
    EngineQuery,
    text=texts,
    vector=st.sampled_from([(), (1.0, 0.0)]),
    phrases=st.lists(texts, max_size=30).map(tuple),
    expansions=st.lists(texts, max_size=30).map(tuple),
    filters=st.lists(filters, max_size=MAX_FILTERS).map(tuple),
    boosts=st.builds(Boosts, weights, weights, weights, weights),
    timeout_ms=st.none() | st.integers(1, 9),
)


def searches(query: EngineQuery) -> list[tuple[str, dict[str, Any]]]:
    """The legs' names and searches."""
    names, body = search_query.lines("docs", query)
    parts = [msgspec.json.decode(line) for line in body.splitlines()]
    assert body.endswith(b"\n") or not names
    assert [part["index"] for part in parts[::2]] == ["docs"] * len(names)
    return list(zip(names, parts[1::2], strict=True))


def leaves(clause: Any) -> Iterator[tuple[str, Any]]:
    """Every leaf of a query, those of inner queries included."""
    if isinstance(clause, list):
        for each in clause:
            yield from leaves(each)
    elif isinstance(clause, dict):
        for name, inner in clause.items():
            if name in LEAVES:
                yield name, inner
            if name not in MATCHES:
                yield from leaves(inner)


def clauses(name: str, leaf: Any) -> int:
    """How many clauses the engine makes of a leaf."""
    if name != "match":
        return 1
    (body,) = leaf.values()
    return len(words(body["query"]))


def strings(clause: Any, inside: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every string with the keys above it; keys as strings, too."""
    if isinstance(clause, dict):
        for name, inner in clause.items():
            yield inside, name
            yield from strings(inner, (*inside, name))
    elif isinstance(clause, list):
        for each in clause:
            yield from strings(each, inside)
    elif isinstance(clause, str):
        yield inside, clause


@given(queries)
def test_a_search_has_no_more_clauses_than_the_engine_allows(query: EngineQuery) -> None:
    for _, search in searches(query):
        assert sum(clauses(name, leaf) for name, leaf in leaves(search["query"])) <= MAX_CLAUSES


def test_the_longest_query_is_within_the_limit() -> None:
    many = tuple(f"w{number}" for number in range(2000))
    wanted = Filter("id", many, at_least=1.0)
    query = EngineQuery(" ".join(many), (1.0,), many, many, (wanted,) * MAX_FILTERS, Boosts(1.0, 1.0, 1.0, 1.0))

    counts = [sum(clauses(name, leaf) for name, leaf in leaves(search["query"])) for _, search in searches(query)]

    assert len(counts) == 2
    assert all(900 < count <= MAX_CLAUSES for count in counts)


@given(queries, st.sampled_from(["text", "phrases", "expansions"]))
def test_words_of_a_question_stand_in_matches_alone(query: EngineQuery, field: str) -> None:
    value = f'"{MARK}" AND *:* }}' if field == "text" else (f'"{MARK}" AND *:* }}',)
    marked = msgspec.structs.replace(query, **{field: value}, boosts=Boosts())

    for _, search in searches(marked):
        for inside, text in strings(search):
            assert MARK not in text or (inside[-1] == "query" and inside[-3] in MATCHES)


@given(queries)
def test_each_leg_is_asked_where_there_is_something_to_ask(query: EngineQuery) -> None:
    wanted = {"lexical": bool(query.text.strip() or query.expansions), "dense": bool(query.vector)}

    assert [name for name, _ in searches(query)] == [name for name, asked in wanted.items() if asked]


def test_more_filters_than_the_engine_could_take_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="any_of"):
        search_query.lines("docs", EngineQuery("x", filters=(Filter("id", ("a",)),) * (MAX_FILTERS + 1)))

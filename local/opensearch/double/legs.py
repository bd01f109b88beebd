"""One leg of a search, read out of the query that `slipstream.aws.search_query` writes: the way back from there."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from local.opensearch.double.filters import Test, test_of
from local.opensearch.double.refusals import Refused, unsupported
from slipstream.chat.retrieval_options import Boosts
from slipstream.retrieval.search import EXPANSION_WEIGHT, EngineQuery

Clause = dict[str, Any]
Weights = dict[str, dict[str, float]]
"""Text → field → weight."""
BOOSTS = {
    "passages.context": "text",
    "passages.heading": "heading",
    "passages.title": "title",
    "whole.text": "document",
}


class Leg(NamedTuple):
    """``told``: scores that each hit comes with, ``whole`` and ``other``; ``test``: None where all may be found."""

    dense: bool
    query: EngineQuery
    test: Test | None
    told: frozenset[str]


def is_leg(query: Any) -> bool:
    """Whether a query ranks passages; otherwise it only says which documents are meant."""
    return isinstance(query, dict) and isinstance(query.get("bool"), dict) and "must" in query["bool"]


def read(query: Clause, size: int) -> Leg:
    """The leg. Raises Refused for a query of any other shape."""
    match query:
        case {"bool": {"must": [{"nested": {"path": "passages", "query": passages}}]}}:
            return _leg(passages, query["bool"], size)
    raise _strange(query)


def _leg(passages: Clause, rest: Clause, size: int) -> Leg:
    if not rest.keys() <= {"must", "should", "filter"}:
        raise _strange(rest)
    phrases, filters = _phrases_and_filters(rest.get("filter", ()))
    vector: tuple[float, ...] = ()
    weights: Weights = {}
    dense = "knn" in passages
    if dense:
        knn = passages["knn"]["passages.vector"]
        vector = tuple(knn["vector"])
        filters = [knn["filter"]] if "filter" in knn else []
    else:
        _add_words(weights, passages)
    told = set()
    for each in rest.get("should", ()):
        nested = each["nested"]
        name = nested["inner_hits"].get("name") or nested["path"]
        told.add(name)
        match nested["query"]:
            case {"script_score": {"script": {"source": "knn_score", "params": {"query_value": asked}}}}:
                vector = tuple(asked)
            case words:
                _add_words(weights, words)
    if not told <= {"whole", "other"}:
        raise _strange(rest)
    test = test_of({"bool": {"filter": filters}}) if filters else None
    return Leg(dense, _query(weights, vector, phrases, size), test, frozenset(told))


def _add_words(weights: Weights, query: Clause) -> None:
    match query:
        case {"match_none": {}}:
            return
        case {"bool": {"should": [*clauses]}}:
            for clause in clauses:
                ((field, asked),) = clause["match"].items()
                if field not in BOOSTS:
                    raise unsupported(f"search in the field {field}")
                fields = weights.setdefault(asked["query"], {})
                fields[field] = fields.get(field, 0.0) + asked["boost"]
        case _:
            raise _strange(query)


def _phrases_and_filters(clauses: Any) -> tuple[tuple[str, ...], list[Clause]]:
    phrases: list[str] = []
    filters: list[Clause] = []
    for clause in clauses:
        match clause:
            case {"match_phrase": {"exact": {"query": str(phrase)}}}:
                phrases.append(phrase)
            case _:
                filters.append(clause)
    return tuple(phrases), filters


def _query(weights: Weights, vector: tuple[float, ...], phrases: tuple[str, ...], size: int) -> EngineQuery:
    """The words of the question come first, then those of its expansions, in the same fields at less weight."""
    texts = list(weights)
    if len(texts) > 2:
        raise unsupported("search for more than a text and its expansions")
    boosts = weights[texts[0]] if texts else {}
    if len(texts) == 2 and any(
        abs(weights[texts[1]].get(field, 0.0) - EXPANSION_WEIGHT * boost) > 1e-9 for field, boost in boosts.items()
    ):
        raise unsupported(f"weight of expansions other than {EXPANSION_WEIGHT}")
    return EngineQuery(
        texts[0] if texts else "",
        vector,
        phrases=phrases,
        expansions=tuple(texts[1:]),
        boosts=Boosts(**{name: boosts.get(field, 0.0) for field, name in BOOSTS.items()}),
        size=size,
    )


def _strange(query: Any) -> Refused:
    return unsupported(f"query {msgspec.json.encode(query).decode()[:200]}")

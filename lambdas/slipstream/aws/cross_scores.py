"""What each leg makes of the other's documents: three small searches beside the legs, in the same round trip.

Each repeats a leg and rescores its best documents, so that a document's total less what the leg gave it is the score
that was wanted. They bring ids and totals alone; where one fails, its scores are not known and nothing else is lost.
"""

from __future__ import annotations

from typing import Any

import msgspec

from slipstream.aws.search_answer import Leg
from slipstream.aws.search_query import Clause, dense, document_clauses, lexical, passage_clauses, to_bytes
from slipstream.retrieval.search import EngineQuery, Hit

LEXICAL_COSINE, DENSE_DOCUMENT, DENSE_PASSAGE = "lexical_cosine", "dense_document", "dense_passage"
MOST = 200
"""Hits that are asked for: each shard rescores its own best, and all of those have to come."""


class _Fields(msgspec.Struct):
    id: tuple[str]


class _Hit(msgspec.Struct):
    fields: _Fields
    score: float = msgspec.field(name="_score")


class _Page(msgspec.Struct):
    hits: list[_Hit]


class _Totals(msgspec.Struct):
    hits: _Page


_decode = msgspec.json.Decoder(_Totals).decode


def searches(query: EngineQuery, filters: list[Clause], *, byte_vector: bool) -> dict[str, Clause]:
    """The searches by name, as bodies; none where a leg is not asked: there is nothing to compare."""
    if not query.vector or not (query.text.strip() or query.expansions):
        return {}
    words = lexical(query, filters)
    meaning = dense(query, filters, byte_vector=byte_vector)
    del words["bool"]["must"][0]["nested"]["inner_hits"], meaning["nested"]["inner_hits"]
    passage, document = passage_clauses(query), document_clauses(query)
    found = {LEXICAL_COSINE: _body(query, words, _cosine(query, byte_vector=byte_vector))}
    if document:
        found[DENSE_DOCUMENT] = _body(query, meaning, {"bool": {"should": document}})
    if passage:
        nested = {"path": "passages", "score_mode": "max", "query": {"bool": {"should": passage}}}
        found[DENSE_PASSAGE] = _body(query, meaning, {"nested": nested})
    return found


def totals(raw: bytes) -> dict[str, float] | None:
    """Document id → total, of one search's answer; None for an answer that is none."""
    try:
        return {hit.fields.id[0]: hit.score for hit in _decode(raw).hits.hits}
    except msgspec.MsgspecError:
        return None


def told(legs: dict[str, Leg], found: dict[str, dict[str, float]]) -> dict[str, Leg]:
    """The legs with what ``found`` (search → document → total) says of their hits."""
    words, meaning = legs.get("lexical"), legs.get("dense")
    more = dict(legs)
    if words is not None:
        gained = _gained(words, found.get(LEXICAL_COSINE))
        # The script's score of a cosine is (1 + cosine) / 2, and nothing where a document has no vector.
        more["lexical"] = _with(words, other={name: 2 * gain - 1 for name, gain in gained.items() if gain})
    if meaning is not None:
        document, passage = (_gained(meaning, found.get(name)) for name in (DENSE_DOCUMENT, DENSE_PASSAGE))
        more["dense"] = _with(meaning, other=passage, own=document)
    return more


def _gained(leg: Leg, total: dict[str, float] | None) -> dict[str, float]:
    """What rescoring added to each document; float32 leaves some millionths where it added nothing."""
    gained = {name: total[name] - score for name, score in leg.totals.items() if total and name in total}
    return {name: 0.0 if abs(gain) < 1e-5 * max(1.0, leg.totals[name]) else gain for name, gain in gained.items()}


def _with(leg: Leg, *, other: dict[str, float], own: dict[str, float] | None = None) -> Leg:
    def each(hit: Hit) -> Hit:
        score = hit.document_score if own is None else own.get(hit.document_id, 0.0)
        return msgspec.structs.replace(hit, other_score=other.get(hit.document_id), document_score=score)

    return msgspec.structs.replace(leg, hits=tuple([each(hit) for hit in leg.hits]))


def _body(query: EngineQuery, clause: Clause, rescored: Clause) -> Clause:
    weights = {"query_weight": 1.0, "rescore_query_weight": 1.0, "score_mode": "total"}
    rescore = {"window_size": query.size, "query": {"rescore_query": rescored, **weights}}
    return {"size": MOST, "_source": False, "stored_fields": ["id"], "query": clause, "rescore": rescore}


def _cosine(query: EngineQuery, *, byte_vector: bool) -> Clause:
    """A document's best cosine, exactly, of its passages that have a vector."""
    vector: Any = to_bytes(query.vector) if byte_vector else query.vector
    parameters = {"field": "passages.vector", "query_value": vector, "space_type": "cosinesimil"}
    script = {"lang": "knn", "source": "knn_score", "params": parameters}
    scored = {"script_score": {"query": {"exists": {"field": "passages.vector"}}, "script": script}}
    return {"nested": {"path": "passages", "score_mode": "max", "query": scored}}

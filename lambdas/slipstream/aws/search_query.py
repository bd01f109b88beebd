"""An EngineQuery in OpenSearch's query language: both legs as the lines of one ``_msearch``.

A user's text goes into ``match`` and ``match_phrase`` alone, which know no syntax; what could break the engine's limits
(1,024 clauses a query) is cut here. Facts about the shapes: docs/retrieval.md, "Index and engine".
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

import msgspec

from slipstream.chat.retrieval_options import Filter, Scalar
from slipstream.errors import InvalidRequest
from slipstream.retrieval.search import EXPANSION_WEIGHT, LEG_PASSAGES_A_DOCUMENT, EngineQuery

Clause = dict[str, Any]

MAX_WORDS = 180
MAX_EXPANSION_WORDS = 60
"""Words are looked for in four fields: (180 + 60) × 4 clauses, of 1,024 that the engine allows."""
MAX_FILTERS = 16
MAX_PHRASES = 16
MAX_PHRASE_WORDS = 60
KEYWORDS = frozenset({"id", "language", "source"})
NEIGHBOURS = 50
"""Documents that the engine's graph is asked for; with 20 it misses one passage of a hundred, at the same cost."""
LEVEL = "document"
"""In the field ``level`` of every document, and of no passage."""
NUMBERS = frozenset({"updated_at_s", "popularity"})
_PASSAGES: Clause = {"size": LEG_PASSAGES_A_DOCUMENT, "_source": False, "stored_fields": ["passages.card"]}
_TOLD: Clause = {"size": 1, "_source": False, "stored_fields": "_none_"}
"""Inner hits: a leg's passages, and a score alone."""

# At least as many pieces as the engine's tokenizer makes: runs of letters and digits, and one by one the characters of
# scripts that do not part words (Thai and its kin, Han, kana) and signs.
_ONE_BY_ONE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u2e80-\u9fff\ua9e0-\uaadf\uf900-\ufaff"
    "\uff65-\uffdc\U00011700-\U0001173f\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_PIECE = re.compile(rf"[^\W{_ONE_BY_ONE}]{{1,127}}|[^\s!-/:-@\[-`{{-\u00a9]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def lines(index: str, query: EngineQuery, *, byte_vector: bool = False) -> tuple[list[str], bytes]:
    """Names of the legs that are asked, in order, and the body. Raises InvalidRequest for filters without a sense."""
    legs = {name: _leg(clause, beside) for name, (clause, beside) in _legs(query, byte_vector=byte_vector).items()}
    header: Clause = {"index": index, "allow_partial_search_results": False}
    shape: Clause = {"size": query.size, "track_total_hits": False, "seq_no_primary_term": True}
    shape |= {"_source": False, "stored_fields": ["card"]}
    if query.timeout_ms is not None:
        shape["timeout"] = header["cancel_after_time_interval"] = f"{max(1, query.timeout_ms)}ms"
    out = b"".join(
        msgspec.json.encode(part) + b"\n" for clause in legs.values() for part in (header, {**shape, "query": clause})
    )
    return list(legs), out


def without_passages(query: EngineQuery) -> list[Clause]:
    """The legs that are asked, for a query that finds documents alone. Raises InvalidRequest as ``lines``."""
    return [{"bool": clause} for clause, _ in _legs(query, byte_vector=False).values()]


def _legs(query: EngineQuery, *, byte_vector: bool) -> dict[str, tuple[Clause, Clause]]:
    """Each leg as a ``bool`` whose one ``must`` ranks passages; and what is told of its hits beside that."""
    if len(query.filters) > MAX_FILTERS:
        raise InvalidRequest(f"more than {MAX_FILTERS} filters: put values into one any_of", param="filters")
    filters = [_filter(each) for each in query.filters]
    passage, whole = _passage(query), _whole(query)
    cosine = _cosine(query, byte_vector=byte_vector) if query.vector else None
    legs: dict[str, tuple[Clause, Clause]] = {}
    asked = bool(query.text.strip() or query.expansions)
    if asked:
        phrases = [_phrase(phrase) for phrase in query.phrases[:MAX_PHRASES]]
        order = [_nested("whole", whole, "max")] if whole else []
        clause = {"must": [_nested("passages", passage, "max")], "should": order, "filter": [*filters, *phrases]}
        legs["lexical"] = clause, {"other": cosine}
    if query.vector:
        clause = {"must": [_nested("passages", _nearest(query, filters, byte_vector=byte_vector), "max")]}
        legs["dense"] = clause, {"other": passage, "whole": whole} if asked else {}
    return legs


def _leg(clause: Clause, beside: Clause) -> Clause:
    """A leg with the scores of which it is made as inner hits: they tell what a sum does not.

    What is only told has no part in the order (``score_mode`` none): the engine works it out for the hits alone.
    """
    passages = {**clause["must"][0]["nested"], "inner_hits": _PASSAGES}
    should = [{"nested": {**each["nested"], "inner_hits": _TOLD}} for each in clause.get("should", ())]
    for name, scored in beside.items():
        if scored is not None:
            told = _nested("whole" if name == "whole" else "passages", scored, "none")
            told["nested"]["inner_hits"] = {**_TOLD, "name": name}
            should.append(told)
    return {"bool": {**clause, "must": [{"nested": passages}], "should": should}}


def _passage(query: EngineQuery) -> Clause:
    """BM25 of a passage."""
    boosts = query.boosts
    fields = {"context": boosts.text, "heading": boosts.heading, "title": boosts.title}
    return _any([(f"passages.{name}", boost) for name, boost in fields.items()], query) or {"match_none": {}}


def _whole(query: EngineQuery) -> Clause | None:
    """BM25 of a document; None where it is not asked."""
    return _any([("whole.text", query.boosts.document)], query)


def _any(fields: list[tuple[str, float]], query: EngineQuery) -> Clause | None:
    asked = [
        (words(query.text, MAX_WORDS), 1.0),
        (words(" ".join(query.expansions), MAX_EXPANSION_WORDS), EXPANSION_WEIGHT),
    ]
    texts = [(text, weight) for text, weight in asked if text]
    clauses = [_match(name, text, boost * weight) for text, weight in texts for name, boost in fields if boost]
    return {"bool": {"should": clauses}} if clauses else None


def _nearest(query: EngineQuery, filters: list[Clause], *, byte_vector: bool) -> Clause:
    """The k nearest documents by their nearest passage, of those that the filters leave."""
    knn: Clause = {"k": max(query.size, NEIGHBOURS), "expand_nested_docs": True}
    knn["vector"] = to_bytes(query.vector) if byte_vector else query.vector
    if filters:
        # The engine has to see that whole documents are meant: what only excludes would fit every passage by itself.
        knn["filter"] = {"bool": {"filter": [{"term": {"level": LEVEL}}, *filters]}}
    return {"knn": {"passages.vector": knn}}


def _cosine(query: EngineQuery, *, byte_vector: bool) -> Clause:
    """Cosines without the graph, of any passage that has a vector; scored as the graph's."""
    vector = to_bytes(query.vector) if byte_vector else query.vector
    parameters = {"field": "passages.vector", "query_value": vector, "space_type": "cosinesimil"}
    script = {"lang": "knn", "source": "knn_score", "params": parameters}
    return {"script_score": {"query": {"exists": {"field": "passages.vector"}}, "script": script}}


def to_bytes(vector: tuple[float, ...]) -> list[int]:
    """A unit vector for a field of bytes; cosines do not mind the factor."""
    return [max(-128, min(127, round(component * 127))) for component in vector]


def words(text: str, most: int) -> str:
    """``text`` where it has no more than ``most`` words; otherwise the first so many that differ."""
    text = _LONE_SURROGATE.sub("\ufffd", text)
    if len(text) <= most:
        return text
    pieces = _PIECE.findall(text)
    if len(pieces) <= most:
        return text
    return " ".join(list(dict.fromkeys(piece.lower() for piece in pieces))[:most])


def label(name: str, value: Scalar) -> str:
    """An attribute as one keyword, so that values of different types stand beside each other under one name."""
    if isinstance(value, bool):
        text = f"b{value}"
    elif isinstance(value, str):
        text = f"s{value}"
    else:
        text = f"n{float(value)!r}"
    return shorten(f"{name}={text}")


def shorten(text: str, most_bytes: int = 512) -> str:
    """``text``, or a hash in its place where the engine takes no more bytes in a key."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= most_bytes:
        return raw.decode()
    from hashlib import blake2b

    return f"blake2b:{blake2b(raw, digest_size=32).hexdigest()}"


def number_field(name: str) -> str:
    """Where a number of this name is kept; the engine takes no dots or empty parts in a field's name."""
    return "numbers." + "".join(c if c.isalnum() and c.isascii() else f"_{ord(c):x}_" for c in name or "_")


def _match(field: str, text: str, boost: float) -> Clause:
    return {"match": {field: {"query": text, "boost": boost}}}


def _phrase(phrase: str) -> Clause:
    # No word in it: then nothing can be asked of the document.
    text = _LONE_SURROGATE.sub("\ufffd", phrase)
    ends = [piece.end() for piece in islice(_PIECE.finditer(text), MAX_PHRASE_WORDS)]
    return {"match_phrase": {"exact": {"query": text[: ends[-1] if ends else 0], "zero_terms_query": "all"}}}


def _nested(path: str, query: Clause, score_mode: str) -> Clause:
    return {"nested": {"path": path, "score_mode": score_mode, "query": query}}


def _filter(wanted: Filter) -> Clause:
    if not wanted.any_of and wanted.at_least is None and wanted.at_most is None:
        raise InvalidRequest(
            f"the filter on '{wanted.field}' says nothing: give any_of, at_least or at_most", param="filters"
        )
    clauses: list[Clause] = []
    if wanted.any_of:
        clauses.append(_any_of(wanted.field, wanted.any_of))
    bounds = {"gte": wanted.at_least, "lte": wanted.at_most}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    if given:
        clauses.append({"range": {wanted.field if wanted.field in NUMBERS else number_field(wanted.field): given}})
    clause = clauses[0] if len(clauses) == 1 else {"bool": {"filter": clauses}}
    return {"bool": {"must_not": [clause]}} if wanted.exclude else clause


def _any_of(field: str, values: tuple[Scalar, ...]) -> Clause:
    if field in KEYWORDS:
        return {"terms": {field: [shorten(value, 8192) for value in values if isinstance(value, str)]}}
    if field in NUMBERS:
        numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
        return {"terms": {field: numbers}}
    return {"terms": {"labels": [label(field, value) for value in values]}}

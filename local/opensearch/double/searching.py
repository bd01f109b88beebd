"""``_search`` and ``_msearch``."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import msgspec

from local.opensearch.double import legs
from local.opensearch.double.filters import test_of
from local.opensearch.double.indices import Indices
from local.opensearch.double.refusals import Refused, illegal, unsupported
from local.opensearch.double.stored import Stored, StoredIndex
from slipstream.aws import search_cards
from slipstream.aws.index_mapping import engine_id
from slipstream.retrieval.document import Passage
from slipstream.retrieval.search import Hit

SHARDS = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
_KNOWN = frozenset({
    "query", "size", "sort", "search_after", "_source", "stored_fields", "docvalue_fields", "track_total_hits",
    "seq_no_primary_term", "timeout",
})  # fmt: skip
"""``timeout`` has no effect: a search in memory is not divided."""
_SHOWN = frozenset({"card", "id", "version"})
_TOLD = frozenset({"origin"})


def multi_search(indices: Indices, body: bytes) -> dict[str, Any]:
    """Several searches, each answered for itself. Raises Refused for a body that is no pairs of lines."""
    began_s = perf_counter()
    lines = [_object(line) for line in body.split(b"\n") if line.strip()]
    if len(lines) % 2:
        raise illegal("_msearch takes pairs of lines: which index, and what is searched there")
    answers = []
    for header, asked in zip(lines[::2], lines[1::2], strict=True):
        try:
            answers.append({**search(indices.one(str(header.get("index", "_all"))), asked), "status": 200})
        except Refused as refused:
            answers.append(refused.body())
    return {"took": _ms(began_s), "responses": answers}


def search(index: StoredIndex, body: dict[str, Any]) -> dict[str, Any]:
    """One search: passages that are ranked, or documents that are listed. Raises Refused."""
    began_s = perf_counter()
    if strange := sorted(body.keys() - _KNOWN):
        raise unsupported(f"'{strange[0]}' in a search")
    query = body.get("query", {"match_all": {}})
    size = int(body.get("size", 10))
    try:
        hits, total = _ranked(index, query, size) if legs.is_leg(query) else _listed(index, query, size, body)
    except (KeyError, TypeError, ValueError, AttributeError, msgspec.ValidationError) as error:
        raise unsupported(f"search of this shape ({type(error).__name__}: {error})") from None
    top = max((hit["_score"] for hit in hits if hit["_score"] is not None), default=None)
    page: dict[str, Any] = {"max_score": top, "hits": hits}
    if body.get("track_total_hits") is not False:
        page["total"] = {"value": total, "relation": "eq"}
    return {"took": _ms(began_s), "timed_out": False, "_shards": SHARDS, "hits": page}


def _ranked(index: StoredIndex, query: Any, size: int) -> tuple[list[dict[str, Any]], int]:
    leg = legs.read(query, size)
    if index.generation is None:
        raise Refused(
            400, "query_shard_exception", "failed to create query: [nested] failed to find nested object under path "
            "[passages]", index=index.name,
        )  # fmt: skip
    given, expected = len(leg.query.vector), index.generation.spec.dimensions
    if given not in (0, expected):
        graph = f"Query vector has invalid dimension: {given}. Dimension should be: {expected}"
        script = f"Object's length={given} does not match the expected length={expected}."
        reason = f"failed to create query: {graph if leg.dense else script}"
        raise Refused(400, "query_shard_exception", reason, index=index.name)
    within = None
    if leg.test is not None:
        within = {each.fields.id for each in index.documents.values() if leg.test(each.fields)}
    found = (index.generation.dense if leg.dense else index.generation.lexical)(leg.query, within)
    by_document: dict[str, list[Hit]] = {}
    for hit in found:
        by_document.setdefault(hit.document_id, []).append(hit)
    shown = [_root(index, leg, name, hits) for name, hits in by_document.items()]
    return shown, len(shown)


def _root(index: StoredIndex, leg: legs.Leg, name: str, hits: list[Hit]) -> dict[str, Any]:
    """A document with its passages in it, and the scores that were to be told."""
    stored = index.documents[engine_id(name)]
    first = hits[0]
    passages = [
        {"_score": _as_knn(hit.score) if leg.dense else hit.score,
         "fields": {"passages.card": [_card(hit)]}}
        for hit in hits
    ]  # fmt: skip
    inner = {"passages": _page(passages)}
    if "whole" in leg.told:
        inner["whole"] = _page([{"_score": first.document_score}] if first.document_score else [])
    if "other" in leg.told:
        other = first.other_score if leg.dense else None if first.other_score is None else _as_knn(first.other_score)
        inner["other"] = _page([{"_score": other}] if other is not None and (other or not leg.dense) else [])
    score = _as_knn(first.score) if leg.dense else first.score + first.document_score
    return {**_hit(index, stored, score), "fields": {"card": [stored.fields.card]}, "inner_hits": inner}


def _card(hit: Hit) -> str:
    return search_cards.of_passage(Passage(hit.ordinal, hit.text, hit.start, hit.end, hit.heading))


def _as_knn(cosine: float) -> float:
    """As the engine scores vectors: half of one plus the cosine."""
    return (1.0 + cosine) / 2.0


def _listed(index: StoredIndex, query: Any, size: int, body: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    test = test_of(query)
    found = [each for each in index.documents.values() if test(each.fields)]
    total = len(found)
    match body.get("sort"):
        case None:
            pass
        case [{"id": "asc"}]:
            (after,) = body.get("search_after", [""])
            found = sorted((each for each in found if each.fields.id > after), key=lambda each: each.fields.id)
        case other:
            raise unsupported(f"sort by {other}")
    return [_listing(index, each, body) for each in found[:size]], total


def _listing(index: StoredIndex, stored: Stored, body: dict[str, Any]) -> dict[str, Any]:
    hit = _hit(index, stored, None if "sort" in body else 1.0)
    if body.get("_source", True):
        hit["_source"] = msgspec.Raw(stored.source)
    wanted = body.get("stored_fields", ())
    if strange := sorted(set(wanted) - _SHOWN):
        raise unsupported(f"stored field '{strange[0]}'")
    told = body.get("docvalue_fields", ())
    if strange := sorted(set(told) - _TOLD):
        raise unsupported(f"doc value of the field '{strange[0]}'")
    if wanted or told:
        hit["fields"] = {name: [getattr(stored.fields, name)] for name in (*wanted, *told)}
    if "sort" in body:
        hit["sort"] = [stored.fields.id]
    return hit


def _hit(index: StoredIndex, stored: Stored, score: float | None) -> dict[str, Any]:
    return {
        "_index": index.name, "_id": stored.key, "_seq_no": stored.sequence, "_primary_term": 1, "_score": score,
    }  # fmt: skip


def _page(hits: list[dict[str, Any]]) -> dict[str, Any]:
    return {"hits": {"total": {"value": len(hits), "relation": "eq"}, "hits": hits}}


def _object(line: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise illegal(f"a line of the body is no JSON object: {error}") from None


def _ms(began_s: float) -> int:
    return round((perf_counter() - began_s) * 1000)

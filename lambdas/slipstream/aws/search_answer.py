"""The answer of one ``_msearch`` → the legs' hits, best first."""

from __future__ import annotations

from typing import Any

import msgspec

from slipstream.aws import search_cards, search_errors
from slipstream.aws.search_cards import DocumentCard
from slipstream.errors import UpstreamError
from slipstream.retrieval.search import Hit


class _DocumentFields(msgspec.Struct):
    card: tuple[str]


class _PassageFields(msgspec.Struct, rename=lambda name: f"passages.{name}"):
    card: tuple[str]


class _InnerHit(msgspec.Struct):
    fields: _PassageFields
    score: float = msgspec.field(name="_score")


class _InnerPage(msgspec.Struct):
    hits: list[_InnerHit]


class _InnerHits(msgspec.Struct):
    hits: _InnerPage


class _Score(msgspec.Struct):
    score: float = msgspec.field(name="_score")


class _Scores(msgspec.Struct):
    hits: list[_Score]


class _Told(msgspec.Struct):
    hits: _Scores


class _Inner(msgspec.Struct):
    passages: _InnerHits
    whole: _Told | None = None
    other: _Told | None = None


class _RootHit(msgspec.Struct):
    fields: _DocumentFields
    inner_hits: _Inner
    index: str = msgspec.field(name="_index")
    sequence: int = msgspec.field(name="_seq_no")


class _Page(msgspec.Struct):
    hits: list[_RootHit]


class _Leg(msgspec.Struct):
    status: int = 200
    took: float = 0.0
    timed_out: bool = False
    hits: _Page | None = None
    error: Any = None


class _Answer(msgspec.Struct):
    responses: list[_Leg]


class Leg(msgspec.Struct, frozen=True):
    """One leg: its hits, or what went wrong. ``writes``: document id → the number of the write that was seen."""

    hits: tuple[Hit, ...] = ()
    writes: dict[str, int] = {}
    generations: frozenset[str] = frozenset()
    took_ms: float = 0.0
    late: bool = False
    said: search_errors.Said | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def read(raw: bytes, names: list[str], size: int) -> dict[str, Leg]:
    """Legs by name, in the order in which they were asked. Raises UpstreamError for what is no such answer."""
    try:
        answer = _decode(raw)
    except msgspec.MsgspecError as error:
        raise UpstreamError(
            f"the search engine's answer cannot be understood: {error}", code="bad_upstream_response"
        ) from None
    if len(answer.responses) != len(names):
        raise UpstreamError("the search engine answered fewer searches than were asked", code="bad_upstream_response")
    return {name: _leg(name, leg, size) for name, leg in zip(names, answer.responses, strict=True)}


def _leg(name: str, leg: _Leg, size: int) -> Leg:
    if leg.hits is None:
        return Leg(said=search_errors.read(leg.status, leg.error), took_ms=leg.took)
    roots = leg.hits.hits
    found: list[tuple[float, Hit]] = []
    writes: dict[str, int] = {}
    hits_of = _dense if name == "dense" else _lexical
    for root in roots:
        card = search_cards.read_document(root.fields.card[0])
        writes[card.id] = root.sequence
        found += hits_of(root.inner_hits, card)
    found.sort(key=lambda pair: (-pair[0], pair[1].document_id, pair[1].ordinal))
    return Leg(
        hits=tuple([hit for _, hit in found[:size]]),
        writes=writes,
        generations=frozenset([root.index for root in roots]),
        took_ms=leg.took,
        late=leg.timed_out,
    )


def _lexical(inner: _Inner, card: DocumentCard) -> list[tuple[float, Hit]]:
    own = _best(inner.whole, 0.0) or 0.0
    other = _best(inner.other, None)
    cosine = None if other is None else _cosine(other)
    return [(each.score + own, _hit(card, each, each.score, own, cosine)) for each in inner.passages.hits.hits]


def _dense(inner: _Inner, card: DocumentCard) -> list[tuple[float, Hit]]:
    own = _best(inner.whole, 0.0) or 0.0
    other = _best(inner.other, 0.0)
    cosines = [(_cosine(each.score), each) for each in inner.passages.hits.hits]
    return [(cosine, _hit(card, each, cosine, own, other)) for cosine, each in cosines]


def _cosine(score: float) -> float:
    # From 2.19 on the engine has one formula for graphs and scripts: (1 + cosine) / 2.
    return 2.0 * score - 1.0


def _best(told: _Told | None, nothing: float | None) -> float | None:
    """None where it was not asked; ``nothing`` where it was, and nothing was found."""
    if told is None:
        return None
    return told.hits.hits[0].score if told.hits.hits else nothing


def _hit(card: DocumentCard, inner: _InnerHit, score: float, own: float, other: float | None) -> Hit:
    passage = search_cards.read_passage(inner.fields.card[0])
    return Hit(
        card.id,
        card.version,
        passage.ordinal,
        card.title,
        passage.heading,
        passage.text,
        passage.start,
        passage.end,
        score,
        document_score=own,
        other_score=other,
        source=card.source,
        language=card.language,
        updated_at_s=card.updated_at_s,
        popularity=card.popularity,
        attributes=card.attributes,
        passages=card.passages,
    )

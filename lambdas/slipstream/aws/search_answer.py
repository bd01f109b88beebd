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


class _Inner(msgspec.Struct):
    passages: _InnerHits


class _RootHit(msgspec.Struct):
    fields: _DocumentFields
    inner_hits: _Inner
    index: str = msgspec.field(name="_index")
    score: float = msgspec.field(name="_score")
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
    responses: list[msgspec.Raw]


class Leg(msgspec.Struct, frozen=True):
    """One leg: its hits, or what went wrong. ``writes``: document id → the number of the write that was seen;
    ``totals``: document id → what the engine scored it.
    """

    hits: tuple[Hit, ...] = ()
    writes: dict[str, int] = {}
    totals: dict[str, float] = {}
    generations: frozenset[str] = frozenset()
    took_ms: float = 0.0
    late: bool = False
    said: search_errors.Said | None = None


_split = msgspec.json.Decoder(_Answer).decode
_decode = msgspec.json.Decoder(_Leg).decode


def split(raw: bytes, least: int) -> list[bytes]:
    """Each search's answer, in the order in which they were asked. Raises UpstreamError for fewer than ``least``."""
    try:
        answers = [bytes(answer) for answer in _split(raw).responses]
    except msgspec.MsgspecError as error:
        raise _unreadable(error) from None
    if len(answers) < least:
        raise UpstreamError("the search engine answered fewer searches than were asked", code="bad_upstream_response")
    return answers


def read(name: str, raw: bytes, size: int) -> Leg:
    """One leg's answer. Raises UpstreamError for what is none."""
    try:
        return _leg(name, _decode(raw), size)
    except msgspec.MsgspecError as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> UpstreamError:
    return UpstreamError(f"the search engine's answer cannot be understood: {error}", code="bad_upstream_response")


def _leg(name: str, leg: _Leg, size: int) -> Leg:
    if leg.hits is None:
        return Leg(said=search_errors.read(leg.status, leg.error), took_ms=leg.took)
    roots = leg.hits.hits
    found: list[tuple[float, Hit]] = []
    writes: dict[str, int] = {}
    totals: dict[str, float] = {}
    for root in roots:
        card = search_cards.read_document(root.fields.card[0])
        writes[card.id] = root.sequence
        totals[card.id] = root.score
        found += _dense(root, card) if name == "dense" else _lexical(root, card)
    found.sort(key=lambda pair: (-pair[0], pair[1].document_id, pair[1].ordinal))
    return Leg(
        hits=tuple([hit for _, hit in found[:size]]),
        writes=writes,
        totals=totals,
        generations=frozenset([root.index for root in roots]),
        took_ms=leg.took,
        late=leg.timed_out,
    )


def _dense(root: _RootHit, card: DocumentCard) -> list[tuple[float, Hit]]:
    # The engine's score of a cosine is (1 + cosine) / 2.
    return [_ranked(card, inner, 2.0 * inner.score - 1.0, 0.0) for inner in root.inner_hits.passages.hits.hits]


def _lexical(root: _RootHit, card: DocumentCard) -> list[tuple[float, Hit]]:
    passages = root.inner_hits.passages.hits.hits
    best = passages[0].score if passages else 0.0
    # The root's score is the best passage's and the document's own, added in float32: what is left of rounding is none.
    own = root.score - best
    own = own if own > 1e-6 * root.score else 0.0
    return [_ranked(card, inner, inner.score, own) for inner in passages]


def _ranked(card: DocumentCard, inner: _InnerHit, score: float, own: float) -> tuple[float, Hit]:
    passage = search_cards.read_passage(inner.fields.card[0])
    hit = Hit(
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
        source=card.source,
        language=card.language,
        updated_at_s=card.updated_at_s,
        popularity=card.popularity,
        attributes=card.attributes,
    )
    return score + own, hit

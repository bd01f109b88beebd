"""``POST /v1/search``: the passages that answer a question, and why these."""

from __future__ import annotations

from typing import Any

import msgspec

from slipstream.chat.retrieval_options import DEFAULTS, RetrievalOptions
from slipstream.errors import InvalidRequest
from slipstream.gateway.grounding import describe, search_report
from slipstream.gateway.http import Principal
from slipstream.gateway.openai import rejection
from slipstream.gateway.openai.body import Strict
from slipstream.gateway.pipeline import RAG
from slipstream.retrieval import index_name
from slipstream.retrieval.ranking import Found
from slipstream.telemetry.waterfall import Waterfall


class SearchBody(Strict):
    """The request. ``earlier``: the user's questions before this one, oldest first."""

    index: str
    query: str
    earlier: tuple[str, ...] = ()
    explain: bool = False
    retrieval: RetrievalOptions | None = None


class SearchRequest(msgspec.Struct, frozen=True):
    """A question to an index; ``name`` is what a key has to be allowed."""

    index: str
    query: str
    earlier: tuple[str, ...]
    explain: bool
    options: RetrievalOptions

    @property
    def name(self) -> str:
        """The index as a model's name, ``rag:docs``."""
        return RAG + self.index


_decoder = msgspec.json.Decoder(SearchBody)


def decode(body: bytes, principal: Principal) -> SearchRequest:
    """Decode a search. Raises InvalidRequest with the field's path as ``param``, PermissionDenied."""
    principal.require("invoke")
    asked = rejection.decode(_decoder, body)
    return SearchRequest(
        checked_index(asked.index), checked_question(asked.query, "query"), asked.earlier, asked.explain,
        asked.retrieval or DEFAULTS,
    )  # fmt: skip


def checked_index(name: str) -> str:
    """``name`` where it can be an index's. Raises InvalidRequest."""
    if not index_name.fits(name):
        raise InvalidRequest(
            f"Invalid 'index': '{name[:80]}'; use {index_name.RULE}.",
            param="index",
            code="invalid_value",
        )
    return name


def checked_question(text: str, param: str) -> str:
    """``text`` where there is something in it. Raises InvalidRequest."""
    if not text.strip():
        raise InvalidRequest(f"'{param}' must not be blank.", param=param, code="invalid_value")
    return text


def encode(asked: SearchRequest, found: Found, waterfall: Waterfall) -> bytes:
    """The passages with their text, best first; with ``explain`` what every stage thought of each."""
    results = []
    for number, ranked in enumerate(found.passages, 1):
        result: dict[str, Any] = {"number": number, **describe(ranked), "text": ranked.hit.text}
        if ranked.hit.attributes:
            result["attributes"] = ranked.hit.attributes
        if asked.explain:
            result["explain"] = ranked.stages
        results.append(result)
    report = search_report(found) | {"spans_ms": waterfall.ms(), "total_ms": round(waterfall.now_ms(), 3)}
    told = {"object": "search.results", "index": found.index, "generation": found.generation, "results": results}
    return msgspec.json.encode({**told, "slipstream": report})

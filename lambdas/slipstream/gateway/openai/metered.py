"""Embeddings and searches with their figures: outcome, times, tokens and dollars, as a chat answer has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from slipstream.chat.events import Usage
from slipstream.chat.request import ChatRequest
from slipstream.errors import SlipstreamError
from slipstream.gateway.allowed import require_model
from slipstream.gateway.exchange import Exchange, Gateway
from slipstream.gateway.pipeline import searching
from slipstream.gateway.report import UNKNOWN_MODEL, figures, refused, searched
from slipstream.models.cost import price_of
from slipstream.models.embedding import EmbeddingCall, Embeddings, embedding_call
from slipstream.models.resolved import ResolvedCall

if TYPE_CHECKING:
    from slipstream.gateway.openai.embeddings import EmbeddingRequest
    from slipstream.gateway.openai.search import SearchRequest
    from slipstream.retrieval.ranking import Found

SEARCH = "search"
"""Dimension of searches that no model answers."""


def embed(gateway: Gateway, exchange: Exchange, asked: EmbeddingRequest) -> tuple[Embeddings, Callable[[], None]]:
    """The vectors, and what records them, to be called after the last byte. A failure is recorded and raised.

    Raises ModelNotFound, InvalidRequest, PermissionDenied, and what the embedder raises.
    """
    waterfall = exchange.waterfall
    model_id = UNKNOWN_MODEL
    try:
        with waterfall.span("resolve"):
            target = gateway.resolver.target(asked.model)
            if target.model.known:
                model_id = target.model.id
            call = embedding_call(target, asked.texts, asked.dimensions, asked.input_type)
            require_model(asked.allowed_models, (asked.model, call.model_id, call.target_id))
        with waterfall.span("embed"):
            made = gateway.embedder.embed(call, waterfall, exchange.request.disconnect)
    except SlipstreamError as error:
        gateway.metrics.record(*refused(model_id, asked.tenant, waterfall, error.code))
        raise

    def record() -> None:
        usage, priced = Usage(input_tokens=made.input_tokens), _priced(call, asked)
        gateway.metrics.record(*figures(priced, waterfall, usage, price_of(priced, usage), "ok"))

    return made, record


def search(gateway: Gateway, exchange: Exchange, asked: SearchRequest) -> tuple[Found, Callable[[], None]]:
    """The passages, and what records the search, to be called after the last byte. A failure is recorded and raised.

    Raises IndexNotFound, PermissionDenied, NoSearchEngine, and what the engine says.
    """
    waterfall, principal = exchange.waterfall, exchange.request.principal

    def record(outcome: str = "ok", found: Found | None = None) -> None:
        metrics, *rest = refused(SEARCH, principal.tenant, waterfall, outcome)
        gateway.metrics.record({**metrics, **searched(found)}, *rest)

    try:
        require_model(principal.models, (asked.name,))
        finds = searching(gateway.finds, param="index")
        disconnect = exchange.request.disconnect
        with waterfall.span("retrieve"):
            found = finds().find(asked.index, asked.query, asked.earlier, asked.options, waterfall, disconnect)
    except SlipstreamError as error:
        record(error.code)
        raise
    return found, lambda: record(found=found)


def _priced(call: EmbeddingCall, asked: EmbeddingRequest) -> ResolvedCall:
    request = ChatRequest(model=asked.model, messages=[], tenant=asked.tenant)
    return ResolvedCall(request=request, target_id=call.target_id, model_id=call.model_id, price=call.price)

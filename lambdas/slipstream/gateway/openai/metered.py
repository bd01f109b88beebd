"""Embeddings with their figures: tokens, dollars and outcome, as a chat answer has them."""

from __future__ import annotations

from collections.abc import Callable

from slipstream.chat.events import Usage
from slipstream.chat.request import ChatRequest
from slipstream.errors import ModelNotFound, SlipstreamError
from slipstream.gateway.allowed import require_model
from slipstream.gateway.exchange import Exchange, Gateway
from slipstream.gateway.openai.embeddings import EmbeddingRequest
from slipstream.gateway.ports import Embeddings
from slipstream.gateway.report import UNKNOWN_MODEL, figures, refused
from slipstream.models.cost import UNPRICED, price_of
from slipstream.models.resolved import ResolvedCall


def embed(gateway: Gateway, exchange: Exchange, asked: EmbeddingRequest) -> tuple[Embeddings, Callable[[], None]]:
    """The vectors, and what records them, to be called after the last byte. A failure is recorded and raised.

    Raises PermissionDenied, and what the embedder raises.
    """
    waterfall, disconnect = exchange.waterfall, exchange.request.disconnect
    model_id = gateway.aliases.get(asked.model, asked.model)
    call: ResolvedCall | None = None
    try:
        with waterfall.span("resolve"):
            require_model(asked.allowed_models, (asked.model, model_id))
            call = _resolved(gateway, asked)
        with waterfall.span("embed"):
            made = gateway.embedder.embed(model_id, asked.texts, asked.dimensions, waterfall, disconnect)
    except SlipstreamError as error:
        if call is not None and not isinstance(error, ModelNotFound):
            gateway.metrics.record(*figures(call, waterfall, None, UNPRICED, error.code))
        else:
            gateway.metrics.record(*refused(UNKNOWN_MODEL, asked.tenant, waterfall, error.code))
        raise
    usage = Usage(input_tokens=made.input_tokens)

    def record() -> None:
        if call is not None:
            gateway.metrics.record(*figures(call, waterfall, usage, price_of(call, usage), "ok"))
        else:
            gateway.metrics.record(*refused(UNKNOWN_MODEL, asked.tenant, waterfall, "ok"))

    return made, record


def _resolved(gateway: Gateway, asked: EmbeddingRequest) -> ResolvedCall | None:
    """The model's id and price, where the catalogue has it; the embedder itself says what it does not know."""
    try:
        return gateway.resolver.resolve(ChatRequest(model=asked.model, messages=[], tenant=asked.tenant))
    except SlipstreamError:
        return None

"""Texts to be turned into vectors: what a caller may ask of a model, and the port to what answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from slipstream.disconnect import NEVER, Disconnect
from slipstream.errors import InvalidRequest
from slipstream.models.model import EmbeddingBody, Model
from slipstream.models.resolved import Price
from slipstream.models.targets import Target
from slipstream.telemetry.waterfall import Waterfall

InputType = Literal["search_document", "search_query", "classification", "clustering"]
"""What the vectors are for. Some models place a question and the passage that answers it apart unless they are told."""


class EmbeddingCall(msgspec.Struct, frozen=True, kw_only=True):
    """Texts for one model. ``target_id`` is what Bedrock is called with, ``dimensions`` None the model's own size."""

    target_id: str
    model_id: str
    body: EmbeddingBody
    """Shape of the model's request and answer."""
    max_texts: int
    """Texts an upstream call."""
    texts: Sequence[str]
    dimensions: int | None = None
    input_type: InputType = "search_document"
    price: Price | None = None


class Embeddings(msgspec.Struct, frozen=True):
    """One vector a text, in the texts' order, and the input tokens that the model counted for all of them."""

    vectors: list[list[float]]
    input_tokens: int = 0


class Embedder(Protocol):
    """A service that turns texts into vectors."""

    def embed(self, call: EmbeddingCall, waterfall: Waterfall, disconnect: Disconnect = NEVER) -> Embeddings:
        """Embed the texts, in as few upstream calls as the model allows and several of them side by side.

        Opens the span ``bedrock_wait``. Raises what the model says to the first call that fails; ClientGone.
        """
        ...


def embedding_call(
    target: Target,
    texts: Sequence[str],
    dimensions: int | None = None,
    input_type: InputType = "search_document",
) -> EmbeddingCall:
    """What to ask of ``target``. Raises InvalidRequest: no embedding model, or no size that it has."""
    model = target.model
    if model.embedding_body is None:
        raise InvalidRequest(
            f"{model.name} makes no embeddings; use amazon.titan-embed-text-v2:0 or cohere.embed-v4:0 "
            "(`slipstream models` lists the rest)",
            param="model",
        )
    return EmbeddingCall(
        target_id=target.target_id,
        model_id=model.id,
        body=model.embedding_body,
        max_texts=model.max_texts,
        texts=texts,
        dimensions=_size(model, dimensions),
        input_type=input_type,
        price=target.price,
    )


def _size(model: Model, dimensions: int | None) -> int | None:
    """None where there is nothing to choose: a model of one size rejects being told even that."""
    if dimensions is None:
        return None
    if dimensions not in model.dimensions:
        allowed = ", ".join(map(str, sorted(model.dimensions)))
        raise InvalidRequest(
            f"dimensions must be one of {allowed} for {model.name}, not {dimensions}", param="dimensions"
        )
    return dimensions if len(model.dimensions) > 1 else None

"""``POST /v1/embeddings``."""

from __future__ import annotations

import sys
from binascii import b2a_base64
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from slipstream.errors import InvalidRequest
from slipstream.gateway.http import Principal
from slipstream.gateway.openai import rejection
from slipstream.gateway.openai.body import Strict
from slipstream.models.embedding import InputType

MAX_TEXTS = 2048
MAX_DIMENSIONS = 16_384


class EmbeddingBody(Strict):
    """The request as OpenAI defines it, and ``input_type``."""

    model: str
    input: str | list[Any]
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None
    input_type: InputType | None = None
    """Cohere's field, which OpenAI has not: a question is to be placed near its answers, not near its like."""


class EmbeddingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Texts to be embedded. ``base64`` is how the caller wants the vectors, not how the model gives them."""

    model: str
    texts: list[str]
    dimensions: int | None = None
    base64: bool = False
    input_type: InputType = "search_document"
    user: str | None = None
    tenant: str = "default"
    allowed_models: tuple[str, ...] = ()


_decoder = msgspec.json.Decoder(EmbeddingBody)


def decode(body: bytes, principal: Principal) -> EmbeddingRequest:
    """Decode an embeddings request. Raises InvalidRequest with the field's path as ``param``, PermissionDenied."""
    principal.require("invoke")
    asked = rejection.decode(_decoder, body)
    if not asked.model or asked.model.isspace():
        raise InvalidRequest("'model' must not be empty.", param="model", code="invalid_value")
    if asked.dimensions is not None and not 1 <= asked.dimensions <= MAX_DIMENSIONS:
        raise InvalidRequest(
            f"Invalid 'dimensions': it must lie between 1 and {MAX_DIMENSIONS}.",
            param="dimensions",
            code="invalid_value",
        )
    return EmbeddingRequest(
        model=asked.model,
        texts=_texts(asked.input),
        dimensions=asked.dimensions,
        input_type=asked.input_type or "search_document",
        base64=asked.encoding_format == "base64",
        user=asked.user,
        tenant=principal.tenant,
        allowed_models=principal.models,
    )


def _texts(given: str | list[Any]) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not 1 <= len(texts) <= MAX_TEXTS:
        raise InvalidRequest(f"Invalid 'input': 1 to {MAX_TEXTS} texts.", param="input", code="invalid_value")
    for index, text in enumerate(texts):
        param = "input" if isinstance(given, str) else f"input[{index}]"
        if isinstance(text, (int, list)) and not isinstance(text, bool):
            raise InvalidRequest(
                "Token arrays are OpenAI's own numbering, which no model on Bedrock shares; send text.",
                param="input",
                code="unsupported_value",
            )
        if not isinstance(text, str):
            raise InvalidRequest(f"Invalid type for '{param}': expected a string.", param=param, code="invalid_type")
        if not text or text.isspace():
            raise InvalidRequest(f"Invalid '{param}': it must not be blank.", param=param, code="invalid_value")
    return texts


def encode(request: EmbeddingRequest, vectors: Sequence[Sequence[float]], input_tokens: int) -> bytes:
    """Encode ``vectors``, one a text and in the texts' order; ``input_tokens`` is what the model counted for all."""
    data = [
        {"object": "embedding", "index": index, "embedding": _base64(vector) if request.base64 else vector}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": input_tokens, "total_tokens": input_tokens}
    return msgspec.json.encode({"object": "list", "data": data, "model": request.model, "usage": usage})


def _base64(vector: Sequence[float]) -> str:
    """Little-endian 32-bit floats, as OpenAI's SDKs unpack them."""
    from array import array  # only this route needs it

    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return b2a_base64(floats.tobytes(), newline=False).decode()

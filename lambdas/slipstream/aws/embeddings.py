"""Texts → vectors through InvokeModel: Titan takes one text a call (several calls side by side), Cohere 96."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from slipstream.errors import InvalidRequest, ModelNotFound, SlipstreamError, UpstreamError
from slipstream.gateway.ports import Embeddings

TITAN_SIZES = (256, 512, 1024)
COHERE_SIZES = (256, 512, 1024, 1536)
COHERE_BATCH = 96
SIDE_BY_SIDE = 8

T = TypeVar("T")
Invoke = Callable[[bytes], bytes]


class _Titan(msgspec.Struct):
    embedding: list[float]
    inputTextTokenCount: int = 0  # noqa: N815 (Titan's name)


class _CohereVectors(msgspec.Struct):
    vectors: list[list[float]] = msgspec.field(name="float", default_factory=list)


class _Cohere(msgspec.Struct):
    embeddings: _CohereVectors
    meta: dict[str, dict[str, object]] = {}


_read_titan = msgspec.json.Decoder(_Titan).decode
_read_cohere = msgspec.json.Decoder(_Cohere).decode


def embed(model_id: str, texts: Sequence[str], dimensions: int | None, invoke: Invoke) -> Embeddings:
    """Embed in the texts' order. Raises InvalidRequest (``dimensions``), ModelNotFound, or what ``invoke`` raises."""
    if "titan-embed-text" in model_id:
        bodies = [_titan_body(text, dimensions) for text in texts]
        answers = [_read(_read_titan, raw) for raw in _side_by_side(invoke, bodies)]
        return Embeddings([a.embedding for a in answers], sum(a.inputTextTokenCount for a in answers))
    if "cohere.embed" in model_id:
        groups = [texts[at : at + COHERE_BATCH] for at in range(0, len(texts), COHERE_BATCH)]
        replies = [
            _read(_read_cohere, raw) for raw in _side_by_side(invoke, [_cohere_body(g, dimensions) for g in groups])
        ]
        vectors = [vector for reply in replies for vector in reply.embeddings.vectors]
        return Embeddings(vectors, sum(_cohere_tokens(reply) for reply in replies))
    raise ModelNotFound(
        f"'{model_id}' is no embedding model known here: use amazon.titan-embed-text-v2:0 or cohere.embed-v4:0",
        param="model",
    )


def _titan_body(text: str, dimensions: int | None) -> bytes:
    _check(dimensions, TITAN_SIZES)
    body: dict[str, object] = {"inputText": text, "normalize": True}
    if dimensions is not None:
        body["dimensions"] = dimensions
    return msgspec.json.encode(body)


def _cohere_body(texts: Sequence[str], dimensions: int | None) -> bytes:
    _check(dimensions, COHERE_SIZES)
    body: dict[str, object] = {"texts": list(texts), "input_type": "search_document", "embedding_types": ["float"]}
    if dimensions is not None:
        body["output_dimension"] = dimensions
    return msgspec.json.encode(body)


def _check(dimensions: int | None, sizes: tuple[int, ...]) -> None:
    if dimensions is not None and dimensions not in sizes:
        allowed = ", ".join(map(str, sizes))
        raise InvalidRequest(
            f"dimensions must be one of {allowed} for this model, not {dimensions}", param="dimensions"
        )


def _cohere_tokens(reply: _Cohere) -> int:
    billed = reply.meta.get("billed_units", {}).get("input_tokens", 0)
    return int(billed) if isinstance(billed, (int, float)) else 0


def _read(decode: Callable[[bytes], T], raw: bytes) -> T:
    try:
        return decode(raw)
    except msgspec.MsgspecError:
        raise UpstreamError("the embedding model's answer cannot be understood", code="bad_upstream_response") from None


def _side_by_side(invoke: Invoke, bodies: Sequence[bytes]) -> list[bytes]:
    """Call ``invoke`` for each body; the first error ends the rest and is raised."""
    if len(bodies) == 1:
        return [invoke(bodies[0])]
    answers: list[bytes] = [b""] * len(bodies)
    errors: list[SlipstreamError] = []
    left = iter(range(len(bodies)))
    lock = threading.Lock()

    def work() -> None:
        while not errors:
            with lock:
                index = next(left, None)
            if index is None:
                return
            try:
                answers[index] = invoke(bodies[index])
            except SlipstreamError as error:
                errors.append(error)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(SIDE_BY_SIDE, len(bodies)))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]
    return answers

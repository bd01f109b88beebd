"""Texts → vectors through InvokeModel: each model family's body, as many texts a call as it takes, side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from slipstream.errors import UpstreamError
from slipstream.models.embedding import EmbeddingCall, Embeddings

SIDE_BY_SIDE = 8


class Reply(NamedTuple):
    """InvokeModel's answer; Bedrock tells the tokens in a header, whatever the model."""

    body: bytes
    input_tokens: int


Invoke = Callable[[bytes], Reply]


class _TitanAnswer(msgspec.Struct):
    embedding: list[float]


class _CohereVectors(msgspec.Struct):
    vectors: list[list[float]] = msgspec.field(name="float")


class _CohereAnswer(msgspec.Struct):
    embeddings: _CohereVectors


class _NovaAnswer(msgspec.Struct):
    embeddings: list[_TitanAnswer]


def embed(call: EmbeddingCall, invoke: Invoke) -> Embeddings:
    """Embed in the texts' order. Raises UpstreamError for an answer that is none, or what ``invoke`` raises."""
    dialect = _DIALECTS[call.body]
    starts = range(0, len(call.texts), call.max_texts)
    groups = [call.texts[at : at + call.max_texts] for at in starts]
    replies = _side_by_side(invoke, [msgspec.json.encode(dialect.encode(call, group)) for group in groups])
    vectors: list[list[float]] = []
    for group, reply in zip(groups, replies, strict=True):
        vectors += _decode(dialect, reply.body, len(group))
    return Embeddings(vectors, sum(reply.input_tokens for reply in replies))


def _decode(dialect: _Dialect, raw: bytes, expected: int) -> list[list[float]]:
    try:
        vectors = dialect.decode(raw)
    except msgspec.MsgspecError:
        vectors = []
    if len(vectors) != expected:
        raise UpstreamError("the embedding model's answer cannot be understood", code="bad_upstream_response")
    return vectors


class _Dialect(NamedTuple):
    encode: Callable[[EmbeddingCall, Sequence[str]], dict[str, Any]]
    decode: Callable[[bytes], list[list[float]]]


def _titan_body(call: EmbeddingCall, texts: Sequence[str]) -> dict[str, Any]:
    return {"inputText": texts[0], **_sized("dimensions", call)}


def _cohere_body(call: EmbeddingCall, texts: Sequence[str]) -> dict[str, Any]:
    fixed = {"texts": texts, "input_type": call.input_type, "embedding_types": ["float"]}
    return {**fixed, **_sized("output_dimension", call)}


_NOVA_PURPOSES = {
    "search_document": "GENERIC_INDEX",
    "search_query": "TEXT_RETRIEVAL",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}


def _nova_body(call: EmbeddingCall, texts: Sequence[str]) -> dict[str, Any]:
    parameters = {
        "embeddingPurpose": _NOVA_PURPOSES[call.input_type],
        "text": {"truncationMode": "NONE", "value": texts[0]},
        **_sized("embeddingDimension", call),
    }
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": parameters}


def _sized(name: str, call: EmbeddingCall) -> dict[str, int]:
    return {} if call.dimensions is None else {name: call.dimensions}


_read_titan = msgspec.json.Decoder(_TitanAnswer).decode
_read_cohere = msgspec.json.Decoder(_CohereAnswer).decode
_read_nova = msgspec.json.Decoder(_NovaAnswer).decode
_DIALECTS = {
    "titan": _Dialect(_titan_body, lambda raw: [_read_titan(raw).embedding]),
    "cohere": _Dialect(_cohere_body, lambda raw: _read_cohere(raw).embeddings.vectors),
    "nova": _Dialect(_nova_body, lambda raw: [answer.embedding for answer in _read_nova(raw).embeddings]),
}


def _side_by_side(invoke: Invoke, bodies: Sequence[bytes]) -> list[Reply]:
    """Call ``invoke`` for each body; the first error ends the rest and is raised."""
    if len(bodies) == 1:
        return [invoke(bodies[0])]
    answers: dict[int, Reply] = {}
    errors: list[Exception] = []
    left = iter(enumerate(bodies))
    lock = threading.Lock()

    def work() -> None:
        while not errors:
            with lock:
                index, body = next(left, (-1, b""))
            if index < 0:
                return
            try:
                answers[index] = invoke(body)
            except Exception as error:  # raised again below, on the caller's own thread
                errors.append(error)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(SIDE_BY_SIDE, len(bodies)))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]
    return [answers[index] for index in range(len(bodies))]

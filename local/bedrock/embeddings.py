"""Titan's and Cohere's embedding bodies over MiniLM vectors."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from aiohttp import web

from local.bedrock import tokens
from local.bedrock.catalogue import Model
from local.bedrock.encoder import Encoder
from local.bedrock.engine import Engine
from local.bedrock.errors import invalid
from local.bedrock.minilm import sized
from local.bedrock.pace import pace_of
from local.bedrock.pacer import sleep_until
from local.bedrock.prompt import Usage

TITAN_DIMENSIONS = (256, 512, 1024)
TITAN_TOKENS = 8192
COHERE_DIMENSIONS = (256, 512, 1024, 1536)
COHERE_TEXTS = 96


def _malformed(problem: str) -> Exception:
    return invalid(f"Malformed input request: {problem}, please reformat your input and try again.")


class Embeddings:
    """InvokeModel for embedding models."""

    def __init__(self, engine: Engine, encoder: Encoder) -> None:
        self._engine = engine
        self._encoder = encoder

    async def answer(self, model: Model, body: dict[str, Any]) -> web.Response:
        """InvokeModel of an embedding model."""
        started_s = time.monotonic()
        texts = _titan_texts(body) if model.family == "titan-embed" else _cohere_texts(body)
        count = sum(tokens.count(text) for text in texts)
        if model.family == "titan-embed" and count > TITAN_TOKENS:
            raise invalid(
                f"400 Bad Request: Too many input tokens. Max input tokens: {TITAN_TOKENS}, request input token "
                f"count: {count}"
            )
        reservation = self._engine.quotas.reserve(model, count, 0)
        vectors = await self._encoder.vectors(texts)
        self._engine.quotas.settle(model, reservation, Usage(input=count))
        settings = self._engine.settings
        pace = pace_of(model, count, catalogue=self._engine.catalogue, settings=settings, latency=None, tier=None)
        await sleep_until(started_s + pace.first_token_s)
        answer = _titan(body, vectors[0], count) if model.family == "titan-embed" else _cohere(body, vectors, texts)
        headers = {"X-Amzn-Bedrock-Input-Token-Count": str(count)}
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json", headers=headers)


def _titan_texts(body: dict[str, Any]) -> list[str]:
    text = body.get("inputText")
    if text is None:
        raise _malformed("#: required key [inputText] not found")
    if not isinstance(text, str) or not text:
        raise _malformed("#/inputText: expected a string with minLength: 1")
    if body.get("dimensions", 1024) not in TITAN_DIMENSIONS:
        raise _malformed("#/dimensions: not one of 256, 512, 1024")
    if not isinstance(body.get("normalize", True), bool):
        raise _malformed("#/normalize: expected type: Boolean")
    kinds = body.get("embeddingTypes", ["float"])
    if not isinstance(kinds, list) or not kinds or not set(map(str, kinds)) <= {"float", "binary"}:
        raise _malformed("#/embeddingTypes: expected a list of float and binary")
    return [text]


def _titan(body: dict[str, Any], vector: tuple[float, ...], count: int) -> dict[str, Any]:
    kinds = body.get("embeddingTypes", ["float"])
    values = sized(vector, body.get("dimensions", 1024), normalize=body.get("normalize", True))
    by_type: dict[str, list[float] | list[int]] = {}
    if "binary" in kinds:
        by_type["binary"] = [int(value > 0) for value in values]
    if "float" in kinds:
        by_type["float"] = values
    answer: dict[str, Any] = {"inputTextTokenCount": count, "embeddingsByType": by_type}
    return answer | {"embedding": values} if "float" in kinds else answer


def _cohere_texts(body: dict[str, Any]) -> list[str]:
    texts = body.get("texts")
    if (
        not isinstance(texts, list)
        or not 1 <= len(texts) <= COHERE_TEXTS
        or not all(isinstance(t, str) and t for t in texts)
    ):
        raise _malformed(f"#/texts: expected 1 to {COHERE_TEXTS} strings")
    if body.get("input_type") not in ("search_document", "search_query", "classification", "clustering"):
        raise _malformed("#/input_type: not one of search_document, search_query, classification, clustering")
    if body.get("output_dimension", 1536) not in COHERE_DIMENSIONS:
        raise _malformed("#/output_dimension: not one of 256, 512, 1024, 1536")
    return texts


def _cohere(body: dict[str, Any], vectors: list[tuple[float, ...]], texts: list[str]) -> dict[str, Any]:
    sizes = body.get("output_dimension", 1536)
    values = [sized(vector, sizes, normalize=True) for vector in vectors]
    kinds = body.get("embedding_types")
    by_type: dict[str, Any] = {"float": values}
    if kinds and "int8" in kinds:
        by_type["int8"] = [[max(-128, min(127, round(v * 127))) for v in row] for row in values]
    answer = {"id": "emb", "texts": texts}
    if kinds is None:
        return answer | {"embeddings": values, "response_type": "embeddings_floats"}
    kept = {kind: by_type[kind] for kind in kinds if kind in by_type}
    return answer | {"embeddings": kept, "response_type": "embeddings_by_type"}

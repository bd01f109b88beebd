"""Rerank of the service ``bedrock-agent-runtime``: how well each source answers the query, from 0 to 1.

Scores are real: the cosine of the MiniLM vectors of query and source, and the share of the query's words that the
source holds, through a logistic function. They order texts; they are not the scores of the models that are named.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from aiohttp import web

from local.bedrock import tokens
from local.bedrock.calls import Calls, json_object
from local.bedrock.catalogue import Model
from local.bedrock.encoder import Encoder
from local.bedrock.errors import BedrockError, invalid
from local.bedrock.extract import terms
from local.bedrock.faults import Fault
from local.bedrock.pace import pace_of
from local.bedrock.pacer import sleep_until
from local.bedrock.prompt import Usage

MOST_SOURCES = 1000
LONGEST_TEXT = 32_000
"""Characters of a query or a text document, as the service model has it."""
MEANING, WORDS, SLOPE, MIDDLE = 0.6, 0.4, 10.0, 0.5
"""Weights of cosine and words, and the logistic function that makes a score of their sum."""


class _Asked(msgspec.Struct, frozen=True):
    query: str
    texts: tuple[str, ...]
    results: int


class Rerank:
    """One operation."""

    def __init__(self, calls: Calls, encoder: Encoder) -> None:
        self._calls = calls
        self._encoder = encoder

    def routes(self) -> list[web.RouteDef]:
        """Its path."""
        return [web.post("/rerank", self.rerank)]

    async def rerank(self, request: web.Request) -> web.Response:
        """POST /rerank."""
        started_s = time.monotonic()
        raw = await request.read()
        body = json_object(raw)
        arn = _at(body, "rerankingConfiguration", "bedrockRerankingConfiguration", "modelConfiguration", "modelArn")
        fault = await self._calls.begin(request, "Rerank", str(arn).rpartition("/")[2], raw)
        asked = _asked(body)
        model = self._model(arn)
        engine = self._calls.engine
        engine.quotas.settle(model, engine.quotas.reserve(model, 0, 0), Usage())
        scores = await self._scores(asked)
        read = sum(tokens.count(text) for text in (asked.query, *asked.texts))
        pace = pace_of(model, read, catalogue=engine.catalogue, settings=engine.settings, latency=None, tier=None)
        await self._wait(started_s + pace.first_token_s, fault)
        best = sorted(range(len(scores)), key=lambda index: (-scores[index], index))[: asked.results]
        answer = {"results": [{"index": index, "relevanceScore": scores[index]} for index in best]}
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    def _model(self, arn: object) -> Model:
        text = arn if isinstance(arn, str) else ""
        wrong = invalid(
            "The provided model ARN for reranking is invalid. Please, use a valid model ARN. Also check the model ARN "
            "follows this format: arn:<partition>:bedrock:<region>::foundation-model/<model-id>"
        )
        if not text.startswith("arn:") or ":foundation-model/" not in text:
            raise wrong
        try:
            return self._calls.engine.targets.for_inference(text, "rerank").model
        except BedrockError:
            raise wrong from None

    async def _scores(self, asked: _Asked) -> list[float]:
        query, *sources = await self._encoder.vectors([asked.query, *asked.texts])
        wanted = set(terms(asked.query))
        return [
            _score(_cosine(query, vector), _held(wanted, text))
            for vector, text in zip(sources, asked.texts, strict=True)
        ]

    async def _wait(self, until_s: float, fault: Fault | None) -> None:
        if fault is not None and fault.kind == "stall":
            await self._calls.faults.stall(fault)
        late_s = fault.delay_ms / 1000 if fault is not None and fault.kind == "slow" else 0.0
        await sleep_until(until_s + late_s)


def _score(cosine: float, held: float) -> float:
    return 1 / (1 + math.exp(-SLOPE * (MEANING * cosine + WORDS * held - MIDDLE)))


def _cosine(left: Sequence[float], right: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True)) / (math.hypot(*left) * math.hypot(*right))


def _held(wanted: set[str], text: str) -> float:
    return len(wanted & set(terms(text))) / len(wanted) if wanted else 0.0


def _asked(body: dict[str, Any]) -> _Asked:
    queries = _listed(body, "queries", 1)
    sources = _listed(body, "sources", MOST_SOURCES)
    _one_of(body.get("rerankingConfiguration"), "rerankingConfiguration.type", "BEDROCK_RERANKING_MODEL")
    _one_of(queries[0], "queries.1.member.type", "TEXT")
    query = _text(_at(queries[0], "textQuery", "text"), "queries.1.member.textQuery.text")
    texts = tuple(_document(source, f"sources.{number}.member") for number, source in enumerate(sources, 1))
    results = _at(body, "rerankingConfiguration", "bedrockRerankingConfiguration", "numberOfResults")
    if results is None:
        return _Asked(query, texts, len(texts))
    if not isinstance(results, int) or not 1 <= results <= MOST_SOURCES:
        where = "rerankingConfiguration.bedrockRerankingConfiguration.numberOfResults"
        raise _unmet(where, f"Member must have value between 1 and {MOST_SOURCES}")
    if results > len(texts):
        raise invalid("Cannot provide numberOfResults value that exceeds the number of sources.")
    return _Asked(query, texts, results)


def _listed(body: dict[str, Any], name: str, most: int) -> list[Any]:
    found = body.get(name)
    if found is None:
        raise _unmet(name, "Member must not be null")
    if not isinstance(found, list) or not found:
        raise _unmet(name, "Member must have length greater than or equal to 1")
    if len(found) > most:
        raise _unmet(name, f"Member must have length less than or equal to {most}")
    return found


def _document(source: object, where: str) -> str:
    _one_of(source, f"{where}.type", "INLINE")
    document = _at(source, "inlineDocumentSource")
    kind = _one_of(document, f"{where}.inlineDocumentSource.type", "TEXT", "JSON")
    if kind == "TEXT":
        return _text(_at(document, "textDocument", "text"), f"{where}.inlineDocumentSource.textDocument.text")
    found = _at(document, "jsonDocument")
    if not isinstance(found, dict) or not found:
        raise _unmet(f"{where}.inlineDocumentSource.jsonDocument", "Member must not be null")
    return " ".join(_strings(found))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
    elif value is not None:
        yield str(value)


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise _unmet(where, "Member must have length greater than or equal to 1")
    if len(value) > LONGEST_TEXT:
        raise _unmet(where, f"Member must have length less than or equal to {LONGEST_TEXT}")
    return value


def _one_of(holder: object, where: str, *allowed: str) -> str:
    value = _at(holder, "type")
    if value not in allowed:
        raise _unmet(where, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    return str(value)


def _at(value: object, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _unmet(where: str, constraint: str) -> BedrockError:
    return invalid(f"1 validation error detected: Value at '{where}' failed to satisfy constraint: {constraint}")

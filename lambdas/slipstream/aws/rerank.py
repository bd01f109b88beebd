"""Bedrock Rerank as a second look at what the legs found, over the function's own connections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from time import perf_counter

import msgspec

from slipstream.aws.connection import Patience
from slipstream.aws.places import Authorizes, Places, signed_request
from slipstream.aws.service_errors import from_response
from slipstream.aws.transport import Transport
from slipstream.errors import SlipstreamError, UpstreamError, UpstreamTimeout
from slipstream.models.identifiers import region_of
from slipstream.retrieval.candidates import Candidate
from slipstream.retrieval.document import in_context
from slipstream.retrieval.evidence import Values
from slipstream.retrieval.question.prepare import Prepared

LONGEST_TEXT = 32_000
"""Characters that the service takes of a query or a source."""
SUREST = 1e-6
"""How near to 0 and 1 a score counts: odds have no end there."""


class _Result(msgspec.Struct):
    index: int
    score: float = msgspec.field(name="relevanceScore")


class _Answer(msgspec.Struct):
    results: list[_Result]


_read = msgspec.json.Decoder(_Answer).decode


class BedrockReranker:
    """Implements Reranker. Built once an environment; safe for threads.

    ``auth`` has to sign: unlike model calls, this service takes no Bedrock key. The role needs bedrock:Rerank, and
    bedrock:InvokeModel on the model.
    """

    def __init__(self, model_arn: str, *, transport: Transport, auth: Authorizes, places: Places) -> None:
        self._model_arn = model_arn
        self._transport = transport
        self._auth = auth
        self._region = region_of(model_arn)
        self._place = places.of("bedrock-agent-runtime.{region}.amazonaws.com", self._region)

    def scores(
        self, question: Prepared, found: Sequence[Candidate], by_legs: Sequence[Values], time_limit_ms: float
    ) -> list[float] | None:
        """See Reranker; a candidate's score is its best passage's. None also where the service is busy or broken.

        Raises what will not pass by itself: PermissionDenied, ModelNotFound, InvalidRequest.
        """
        deadline_s = perf_counter() + time_limit_ms / 1000
        owners = [at for at, one in enumerate(found) for _ in one.hits]
        texts = [in_context(hit.title, hit.heading, hit.text) for one in found for hit in one.hits]
        try:
            results = self._results(question.meaning, texts, deadline_s)
        except SlipstreamError as error:
            if error.retryable or isinstance(error, UpstreamTimeout):
                return None
            raise
        best = [SUREST] * len(found)
        for result in results:
            at = owners[result.index]
            best[at] = max(best[at], min(result.score, 1 - SUREST))
        return [math.log(score / (1 - score)) for score in best]

    def _results(self, query: str, texts: Sequence[str], deadline_s: float) -> list[_Result]:
        body = msgspec.json.encode(self._body(query, texts))
        headers = [("content-type", "application/json"), ("accept", "application/json")]
        request = signed_request(
            self._place, "/rerank", headers, body, auth=self._auth, service="bedrock", region=self._region
        )
        patience = Patience(self._transport.read_timeout_s, deadline_s=deadline_s)
        exchange = self._transport.send(self._place.origin, request, patience)
        while (response := exchange.head()) is None:
            pass
        raw = response.read_all()
        if response.status != 200:
            raise from_response(response.status, response.headers, raw)
        try:
            results = _read(raw).results
        except msgspec.MsgspecError:
            results = []
        if not results or any(not 0 <= result.index < len(texts) for result in results):
            raise UpstreamError("the re-ranking model's answer cannot be understood", code="bad_upstream_response")
        return results

    def _body(self, query: str, texts: Sequence[str]) -> dict[str, object]:
        return {
            "queries": [{"type": "TEXT", "textQuery": {"text": query[:LONGEST_TEXT]}}],
            "sources": [
                {
                    "type": "INLINE",
                    "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text[:LONGEST_TEXT]}},
                }
                for text in texts
            ],
            "rerankingConfiguration": {
                "type": "BEDROCK_RERANKING_MODEL",
                "bedrockRerankingConfiguration": {
                    "numberOfResults": len(texts),
                    "modelConfiguration": {"modelArn": self._model_arn},
                },
            },
        }

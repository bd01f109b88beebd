"""Operations of the service ``bedrock-runtime``, by path, and the OpenAI-compatible endpoints beside them."""

from __future__ import annotations

import msgspec
from aiohttp import web

from local.bedrock.calls import Calls, json_object, split_model_path
from local.bedrock.count_tokens import count_tokens
from local.bedrock.embeddings import Embeddings
from local.bedrock.encoder import Encoder
from local.bedrock.errors import BedrockError, invalid
from local.bedrock.wires.anthropic import Anthropic
from local.bedrock.wires.chat import Chat
from local.bedrock.wires.converse import Converse
from local.bedrock.wires.nova import Nova
from local.bedrock.wires.responses import Responses
from local.bedrock.wires.wire import Wire

NATIVE: dict[str, Wire] = {"claude": Anthropic(), "nova": Nova()}
EMBEDDING_FAMILIES = ("titan-embed", "cohere-embed")


class RuntimePlane:
    """Finds the operation and the wire of a call."""

    def __init__(self, calls: Calls, encoder: Encoder) -> None:
        self._calls = calls
        self._converse = Converse()
        self._responses = Responses()
        self._embeddings = Embeddings(calls.engine, encoder)

    def routes(self) -> list[web.RouteDef]:
        """Paths of the service model, and OpenAI's under both of its prefixes."""
        routes = [web.post("/model/{rest:.+}", self.model_operation)]
        for prefix in ("/openai/v1", "/v1"):
            routes += [
                web.post(f"{prefix}/chat/completions", self.chat),
                web.post(f"{prefix}/responses", self.responses),
                web.get(f"{prefix}/models", self.models),
            ]
        return routes

    async def model_operation(self, request: web.Request) -> web.StreamResponse:
        """POST /model/{id}/{operation}."""
        model_id, operation = split_model_path(request, "/model/")
        if operation == "converse":
            return await self._calls.generate(request, "Converse", model_id, self._converse, stream=False)
        if operation == "converse-stream":
            return await self._calls.generate(request, "ConverseStream", model_id, self._converse, stream=True)
        if operation == "invoke":
            return await self._invoke(request, model_id, stream=False)
        if operation == "invoke-with-response-stream":
            return await self._invoke(request, model_id, stream=True)
        if operation == "count-tokens":
            return await self._count(request, model_id)
        raise BedrockError("UnknownOperationException", f"No such operation: {operation}")

    async def _invoke(self, request: web.Request, model_id: str, *, stream: bool) -> web.StreamResponse:
        operation = "InvokeModelWithResponseStream" if stream else "InvokeModel"
        if request.content_type not in ("application/json", "application/octet-stream"):
            raise invalid("Content Type is not supported for this model. Use application/json.")
        model = self._calls.engine.targets.for_inference(model_id, "invoke").model
        if model.family not in EMBEDDING_FAMILIES:
            return await self._calls.generate(request, operation, model_id, NATIVE[model.family], stream=stream)
        raw = await request.read()
        await self._calls.begin(request, operation, model_id, raw)
        if stream:
            raise invalid("The model is unsupported for streaming.")
        return await self._embeddings.answer(model, json_object(raw))

    async def _count(self, request: web.Request, model_id: str) -> web.Response:
        raw = await request.read()
        await self._calls.begin(request, "CountTokens", model_id, raw)
        count = count_tokens(self._calls.engine.targets, model_id, json_object(raw))
        return web.Response(body=msgspec.json.encode({"inputTokens": count}), content_type="application/json")

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """POST …/chat/completions."""
        body = json_object(await request.read())
        options = body.get("stream_options")
        wire = Chat(include_usage=isinstance(options, dict) and options.get("include_usage") is True)
        return await self._openai(request, "ChatCompletions", body, wire)

    async def responses(self, request: web.Request) -> web.StreamResponse:
        """POST …/responses."""
        return await self._openai(request, "Responses", json_object(await request.read()), self._responses)

    async def _openai(
        self, request: web.Request, operation: str, body: dict[str, object], wire: Wire
    ) -> web.StreamResponse:
        model = body.get("model")
        if not isinstance(model, str):
            raise invalid("you must provide a model parameter")
        return await self._calls.generate(request, operation, model, wire, stream=body.get("stream") is True)

    async def models(self, request: web.Request) -> web.Response:
        """GET …/models."""
        await self._calls.begin(request, "ListModels", "", b"")
        served = [m for m in self._calls.engine.catalogue.models if {"chat", "responses"} & set(m.apis)]
        data = [{"id": m.id, "object": "model", "created": 1767225600, "owned_by": m.provider} for m in served]
        body = msgspec.json.encode({"object": "list", "data": data})
        return web.Response(body=body, content_type="application/json")

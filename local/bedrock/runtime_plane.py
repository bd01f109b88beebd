"""Operations of the service ``bedrock-runtime``, by path."""

from __future__ import annotations

from aiohttp import web

from local.bedrock.calls import Calls, split_model_path
from local.bedrock.errors import BedrockError
from local.bedrock.wires.converse import Converse

CONVERSE = Converse()


class RuntimePlane:
    """Finds the operation and the wire of a call."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def routes(self) -> list[web.RouteDef]:
        """Paths of the service model."""
        return [web.post("/model/{rest:.+}", self.model_operation)]

    async def model_operation(self, request: web.Request) -> web.StreamResponse:
        """POST /model/{id}/{operation}."""
        model_id, operation = split_model_path(request, "/model/")
        if operation == "converse":
            return await self._calls.generate(request, "Converse", model_id, CONVERSE, stream=False)
        if operation == "converse-stream":
            return await self._calls.generate(request, "ConverseStream", model_id, CONVERSE, stream=True)
        raise BedrockError("UnknownOperationException", f"No such operation: {operation}")

"""From an HTTP request to a wire: path, body, credentials, faults, and errors in the caller's dialect."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import msgspec
from aiohttp import web

from local.bedrock.auth import Gatekeeper
from local.bedrock.engine import Engine, body_digest
from local.bedrock.errors import OPENAI_TYPES, BedrockError, invalid
from local.bedrock.faults import Fault, Faults, parse_header
from local.bedrock.play import REQUEST_ID, StreamPlayer, hang_up, whole
from local.bedrock.sigv4 import signed_for
from local.bedrock.stats import Stats
from local.bedrock.wires.wire import Wire, decoded

LARGE_BODY_BYTES = 100_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Calls:
    """What all operations share."""

    def __init__(self, engine: Engine, faults: Faults, stats: Stats, gatekeeper: Gatekeeper) -> None:
        self.engine, self.faults, self.stats, self.gatekeeper = engine, faults, stats, gatekeeper

    async def begin(self, request: web.Request, operation: str, model_id: str, body: bytes) -> Fault | None:
        """Count the call, check credentials, and raise or hand back the fault that hits it."""
        self.stats.calls[operation] += 1
        told = {"operation": operation, "model": model_id, "body_blake2b": body_digest(body)}
        self.stats.last.append(told | {"signed_for": signed_for(request)})
        self.gatekeeper.check(request, body)
        fault = self._fault(request, operation, model_id)
        if fault is None:
            return None
        self.stats.faults[fault.kind] += 1
        if fault.kind == "drop":
            await hang_up(request)
            raise asyncio.CancelledError
        refusal = fault.refusal()
        if refusal is not None:
            raise refusal
        return fault

    def _fault(self, request: web.Request, operation: str, model_id: str) -> Fault | None:
        header = request.headers.get("x-double-fault")
        if not header:
            return self.faults.take(model_id, operation)
        try:
            return parse_header(header)
        except (ValueError, msgspec.ValidationError) as error:
            raise invalid(f"x-double-fault: {error}") from None

    async def generate(
        self, request: web.Request, operation: str, model_id: str, wire: Wire, *, stream: bool
    ) -> web.StreamResponse:
        """Answer with text over the given wire."""
        raw = await request.read()
        fault = await self.begin(request, operation, model_id, raw)
        asked = decoded(wire, model_id, json_object(raw))
        run = self.engine.admit(asked, wire.api)
        if len(raw) > LARGE_BODY_BYTES:
            # Scoring takes long enough to hold up other streams' tokens; the loop then finds the answer remembered.
            await asyncio.to_thread(self.engine.answer, run)
        if stream:
            return await StreamPlayer(
                request, run=run, wire=wire, engine=self.engine, stats=self.stats, faults=self.faults, fault=fault
            ).play()
        return await whole(request, run, wire, self.engine, fault)


def json_object(raw: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises SerializationException."""
    try:
        body = msgspec.json.decode(raw or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BedrockError("SerializationException", f"The request body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise BedrockError(
            "SerializationException", "Start of structure or map expected: the body must be a JSON object."
        )
    return body


def split_model_path(request: web.Request, prefix: str) -> tuple[str, str]:
    """Model id and operation of ``/model/{id}/{operation}``, its slashes and colons encoded or not."""
    path = request.raw_path.partition("?")[0]
    identifier, _, operation = path.removeprefix(prefix).rpartition("/")
    return unquote(identifier), operation


def bedrock_error(error: BedrockError) -> web.Response:
    """An error as Bedrock's REST-JSON wire has it."""
    headers = {"x-amzn-ErrorType": f"{error.kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    if error.retry_after_s is not None:
        headers["Retry-After"] = f"{error.retry_after_s:g}"
    return _json_response({"message": error.message}, error.status, headers)


def openai_error(error: BedrockError) -> web.Response:
    """An error as Chat Completions has it."""
    return _openai_error(error, error.param)


def responses_error(error: BedrockError) -> web.Response:
    """An error as Responses has it, which calls some fields otherwise."""
    return _openai_error(error, "max_output_tokens" if error.param == "max_tokens" else error.param)


def _openai_error(error: BedrockError, param: str | None) -> web.Response:
    kind = OPENAI_TYPES.get(error.status, "server_error")
    code = {429: "rate_limit_exceeded", 404: "model_not_found"}.get(error.status)
    if error.status == 400 and ("context" in error.message or "too long" in error.message):
        code = "context_length_exceeded"
    headers = {} if error.retry_after_s is None else {"Retry-After": f"{error.retry_after_s:g}"}
    status = 401 if error.status == 403 and "Authentication" in error.kind else error.status
    code = "invalid_api_key" if status == 401 else code
    body = {"error": {"message": error.message, "type": kind, "param": param, "code": code}}
    return _json_response(body, status, headers)


def _json_response(body: Any, status: int, headers: dict[str, str]) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, headers=headers, content_type="application/json")


def _error_shape(path: str) -> Callable[[BedrockError], web.Response]:
    if not path.startswith(("/openai/", "/v1/")):
        return bedrock_error
    return responses_error if path.endswith("/responses") else openai_error


def error_middleware(stats: Stats) -> Any:
    """Turn BedrockError into the dialect of the path, and number every answer."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = str(uuid.uuid4())
        request[REQUEST_ID] = request_id
        encode = _error_shape(request.path)
        response: web.StreamResponse
        try:
            response = await handler(request)
        except BedrockError as error:
            stats.errors[error.kind] += 1
            response = encode(error)
        except web.HTTPRequestEntityTooLarge:
            response = encode(BedrockError("ValidationException", "The request body is larger than 25 MB.", status=413))
        except web.HTTPException as refused:
            message = f"No such operation: {request.method} {request.path}"
            response = encode(BedrockError("UnknownOperationException", message, status=refused.status))
        except Exception as error:
            # The type and the place, never the message: it may quote a prompt.
            name = type(error).__name__
            logging.getLogger("local.bedrock").error("%s in %s %s", name, request.method, request.path)  # noqa: TRY400
            stats.errors["InternalServerException"] += 1
            response = encode(
                BedrockError("InternalServerException", f"The local server failed: {type(error).__name__}")
            )
        if not response.prepared:
            response.headers["x-amzn-RequestId"] = request_id
        return response

    return middleware

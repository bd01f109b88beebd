"""The edge's request path: match, authorize, invoke, stream; or pass on to the emulator."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import ClientError, ClientSession, web
from multidict import CIMultiDict
from yarl import URL

from local.edge.authorizer import Authorizer
from local.edge.config import EdgeConfig
from local.edge.deployed import DeployedApi
from local.edge.event import BODY_LIMIT_BYTES, EVENT_LIMIT_BYTES, encode_event, is_binary, proxy_event
from local.edge.responses import GatewayError
from local.edge.routes import Method
from local.lambda_host import Answer, FunctionFailed, LambdaHost

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "content-length"})
FLUSH_PATH = "/__edge/flush-authorizer-cache"
STATE_PATH = "/__edge/state"


@dataclass(frozen=True, slots=True)
class Edge:
    """One deployed stage in front of its functions. ``handle`` is an aiohttp low-level handler."""

    config: EdgeConfig
    api: DeployedApi
    hosts: Mapping[str, LambdaHost]
    authorizers: Mapping[str, Authorizer]
    emulator: ClientSession

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path, _, query = request.raw_path.partition("?")
        if path == FLUSH_PATH and request.method == "POST":
            return self._flush()
        if path == STATE_PATH:
            return self._state()
        prefix = f"/{self.config.stage}/"
        if path.startswith(prefix):
            path = path[len(prefix) - 1 :]
        request_id = str(uuid.uuid4())
        try:
            return await self._route(request, path, query, request_id)
        except GatewayError as error:
            status, headers, body = self.api.responses.render(error, request_id)
            return web.Response(status=status, headers=headers, body=body)

    async def _route(self, request: web.BaseRequest, path: str, query: str, request_id: str) -> web.StreamResponse:
        found = self.api.routes.match(request.method, path)
        if found is None:
            raise GatewayError("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")
        method, parameters = found
        body = await _read(request)
        if not method.streams:
            try:
                return await self._pass_on(request, path, query, body)
            except (ClientError, TimeoutError) as error:
                print(f"{request_id} the emulator: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                raise GatewayError("INTEGRATION_FAILURE", "Internal server error", status=502) from error
        event = proxy_event(
            method=method,
            verb=request.method,
            path=path,
            query=query,
            headers=request.headers.items(),
            parameters=parameters,
            stage=self.config.stage,
            api_id=self.config.api_id,
            request_id=request_id,
            source_ip=request.remote or "127.0.0.1",
        )
        if method.authorizer_id is not None:
            arn = self._method_arn(method, request.method, path)
            event["requestContext"]["authorizer"] = await self.authorizers[method.authorizer_id].authorize(event, arn)
        binary = is_binary(request.headers.get("Content-Type", ""), self.api.binary_media_types)
        encoded = encode_event(event, body, binary=binary)
        if len(encoded) > EVENT_LIMIT_BYTES:
            raise GatewayError("REQUEST_TOO_LARGE", f"the event is over {EVENT_LIMIT_BYTES} bytes, escapes included")
        return await self._stream(request, self.hosts[method.function_ref], encoded, request_id)

    def _method_arn(self, method: Method, verb: str, path: str) -> str:
        account = method.function_ref.split(":")[4]
        api = f"{self.config.api_id}/{self.config.stage}/{verb}/{path.lstrip('/')}"
        return f"arn:aws:execute-api:{self.config.region}:{account}:{api}"

    async def _stream(
        self, request: web.BaseRequest, host: LambdaHost, event: bytes, request_id: str
    ) -> web.StreamResponse:
        """Run the function and pass its answer on as it comes. A cancelled handler means that the client has gone."""
        try:
            answer = await host.invoke(event)
        except FunctionFailed as error:
            _report(error, request_id)
            raise GatewayError("INTEGRATION_FAILURE", "Internal server error", status=502) from error
        response = _head(request, answer, request_id)
        try:
            await response.prepare(request)
            async for chunk in answer:
                await response.write(chunk)
            await response.write_eof()
        except FunctionFailed as error:
            _report(error, request_id)
            _cut(request)
        except (asyncio.CancelledError, ConnectionError):
            answer.abandon()
            raise
        return response

    async def _pass_on(self, request: web.BaseRequest, path: str, query: str, body: bytes) -> web.Response:
        """A buffered route: the emulator serves it, with its own authorizer."""
        target = f"{self.config.emulator_url}/_aws/execute-api/{self.config.api_id}/{self.config.stage}{path}"
        url = URL(f"{target}?{query}" if query else target, encoded=True)
        headers = CIMultiDict(
            (name, value) for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP | {"host"}
        )
        options = {"allow_redirects": False}
        async with self.emulator.request(request.method, url, data=body, headers=headers, **options) as reply:  # type: ignore[arg-type]
            content = await reply.read()
            kept = CIMultiDict(
                (name, value)
                for name, value in reply.headers.items()
                if name.lower() not in HOP_BY_HOP | {"content-encoding"}
            )
            if request.method not in {"GET", "HEAD", "OPTIONS"} and reply.status < 300:
                # The emulator has no FlushStageAuthorizersCache, which a function calls when it revokes a key.
                self._forget_verdicts()
            return web.Response(status=reply.status, headers=kept, body=content)

    def _forget_verdicts(self) -> None:
        for authorizer in self.authorizers.values():
            authorizer.flush()

    def _flush(self) -> web.Response:
        self._forget_verdicts()
        return web.json_response({"flushed": True})

    def _state(self) -> web.Response:
        environments = [
            {"id": environment.id, "state": environment.state, "init_ms": environment.init_ms, "pid": environment.pid}
            for host in self.hosts.values()
            for environment in host.environments
        ]
        return web.json_response({"environments": environments})


async def _read(request: web.BaseRequest) -> bytes:
    """The whole body. Raises GatewayError over API Gateway's limit, at once where the length is announced."""
    error = GatewayError("REQUEST_TOO_LARGE", f"the body is over {BODY_LIMIT_BYTES} bytes")
    if (request.content_length or 0) > BODY_LIMIT_BYTES:
        raise error
    if not request.body_exists:
        return b""
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > BODY_LIMIT_BYTES:
            raise error
    return bytes(body)


def _head(request: web.BaseRequest, answer: Answer, request_id: str) -> web.StreamResponse:
    no_body = request.method == "HEAD" or answer.status in {204, 304}
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in answer.headers:
        if name.lower() not in HOP_BY_HOP or (no_body and name.lower() == "content-length"):
            headers.add(name, value)
    headers.setdefault("x-amzn-RequestId", request_id)
    response = web.StreamResponse(status=answer.status, headers=headers)
    if not no_body:
        response.enable_chunked_encoding()
    return response


def _cut(request: web.BaseRequest) -> None:
    """End the connection without the last chunk: the client must not take the answer for whole."""
    if request.transport is not None:
        request.transport.close()


def _report(error: FunctionFailed, request_id: str) -> None:
    lines = "".join(f"\n    {line}" for line in error.log_tail)
    print(f"{request_id} {error}{lines}", file=sys.stderr, flush=True)

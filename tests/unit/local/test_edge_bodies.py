"""What the edge does with a request's body: its limit, and who never gets it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession, web

from local.edge import server
from local.edge.authorizer import Authorizer, AuthorizerSettings
from local.edge.responses import GatewayError

ARN = "arn:aws:execute-api:us-east-1:000000000000:api/prod/POST/v1/chat"
ALLOWED = {"policyDocument": {"Statement": [{"Effect": "Allow", "Resource": ARN}]}, "context": {}}


def test_the_authorizer_sees_the_request_without_its_body() -> None:
    asked: list[dict[str, Any]] = []

    def invoke(_function: str, event: dict[str, Any]) -> tuple[Any, str | None]:
        asked.append(event)
        return ALLOWED, None

    settings = AuthorizerSettings("a", "function", ("method.request.header.Authorization",), 0)
    event = {"path": "/v1/chat", "headers": {"Authorization": "k"}, "body": "a prompt", "isBase64Encoded": False}

    asyncio.run(Authorizer(settings, invoke).authorize(event, ARN))

    assert asked[0]["path"] == "/v1/chat"
    assert not {"body", "isBase64Encoded"} & asked[0].keys()
    assert "a prompt" not in str(asked)


@pytest.mark.parametrize("announced", [True, False], ids=["of announced length", "in chunks"])
@pytest.mark.parametrize(("size", "status"), [(10, 200), (11, 413)])
def test_a_body_of_just_the_limit_passes_and_one_byte_more_does_not(
    monkeypatch: pytest.MonkeyPatch, announced: bool, size: int, status: int
) -> None:
    monkeypatch.setattr(server, "BODY_LIMIT_BYTES", 10)

    async def handle(request: web.BaseRequest) -> web.Response:
        try:
            return web.Response(body=await server._read(request))
        except GatewayError as error:
            return web.Response(status={"REQUEST_TOO_LARGE": 413}[error.kind])

    async def pieces() -> Any:
        for _ in range(size):
            yield b"x"

    async def ask() -> tuple[int, bytes]:
        runner = web.ServerRunner(web.Server(handle))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            async with ClientSession() as client, client.post(url, data=b"x" * size if announced else pieces()) as got:
                return got.status, await got.read()
        finally:
            await runner.cleanup()

    assert asyncio.run(ask()) == (status, b"x" * size if status == 200 else b"")

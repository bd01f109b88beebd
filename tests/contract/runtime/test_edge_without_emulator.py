"""What the edge says where the emulator behind a buffered route cannot be reached."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import RawTestServer

from local.edge.config import EdgeConfig
from local.edge.deployed import DeployedApi
from local.edge.responses import GatewayResponses
from local.edge.routes import Method, Routes
from local.edge.server import Edge

TEMPLATE = '{"message":$context.error.messageString,"error":{"code":"$context.error.responseType"}}'
RESPONSES = GatewayResponses(
    [{"responseType": "DEFAULT_5XX", "responseTemplates": {"application/json": TEMPLATE}, "defaultResponse": False}]
)
API = DeployedApi(Routes([("ANY", Method("1", "/v1/keys", "arn:f/invocations"))]), frozenset(), {}, RESPONSES, ())


def test_it_is_an_error_in_the_apis_own_shape(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    async def scenario() -> tuple[int, bytes]:
        config = EdgeConfig(emulator_url=f"http://127.0.0.1:{port}", api_id="a", stage="test", work_dir="unused")
        async with (
            ClientSession() as emulator,
            RawTestServer(Edge(config, API, {}, {}, emulator).handle) as server,
            ClientSession() as client,
            client.post(server.make_url("/test/v1/keys"), data=b"{}") as reply,
        ):
            return reply.status, await reply.read()

    status, body = asyncio.run(scenario())
    assert status == 502
    assert json.loads(body) == {"message": "Internal server error", "error": {"code": "INTEGRATION_FAILURE"}}
    assert "the emulator: ClientConnectorError" in capsys.readouterr().err

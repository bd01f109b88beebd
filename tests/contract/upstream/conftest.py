from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from aiohttp import web

from local.bedrock.server import create_app
from local.bedrock.settings import Settings
from slipstream.aws.transport import Transport
from tests.contract.upstream.tiny_server import Caller, TinyServer


@pytest.fixture
def server() -> Iterator[TinyServer]:
    tiny = TinyServer()
    yield tiny
    tiny.close()


@pytest.fixture
def transport() -> Iterator[Transport]:
    pool = Transport()
    yield pool
    pool.restore()


@pytest.fixture
def caller() -> Iterator[Caller]:
    line = Caller()
    yield line
    line.close()


@pytest.fixture(scope="session")
def bedrock_url() -> Iterator[str]:
    """The local Bedrock server, which checks signatures with botocore's own rules."""
    loop = asyncio.new_event_loop()
    ready, port = threading.Event(), [0]
    settings = Settings(first_token_ms=0, token_ms=0, check_signatures=True, require_auth=True)

    async def start() -> web.AppRunner:
        runner = web.AppRunner(create_app(settings), handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port[0] = runner.addresses[0][1]
        ready.set()
        return runner

    def serve() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(20)
    yield f"http://127.0.0.1:{port[0]}"
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)

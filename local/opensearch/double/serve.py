"""Runs the double on loopback until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import socket

import msgspec
from aiohttp import web

from local.opensearch.double.routes import Double
from local.places import LOOPBACK

MAX_BODY_BYTES = 100 * 1024 * 1024
"""OpenSearch's own default."""


def application(double: Double) -> web.Application:
    """Every request goes to ``double``, one after the other."""

    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        path = request.raw_path.partition("?")[0]
        status, told = double.answer(request.method, path, body, dict(request.query))
        return web.Response(status=status, body=msgspec.json.encode(told), content_type="application/json")

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.router.add_route("*", "/{path:.*}", answer)
    return app


async def serve(port: int) -> None:
    """Serve until SIGINT or SIGTERM. Raises OSError where the port is taken."""
    runner = web.AppRunner(application(Double()), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    opened = socket.create_server((LOOPBACK, port), backlog=256)
    await web.SockSite(runner, opened).start()
    print(f"The in-memory double of OpenSearch: http://{LOOPBACK}:{opened.getsockname()[1]}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await runner.cleanup()

"""Runs the application on loopback until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from local.bedrock.server import create_app
from local.bedrock.settings import Settings


class CannotListen(Exception):
    """The address is not this machine's, or the port is taken; the message is for the user."""


@dataclass(frozen=True, kw_only=True)
class Listen:
    """Where to listen; port 0 is a free one. TLS needs a certificate and a key."""

    host: str = "127.0.0.1"
    port: int = 0
    tls_port: int | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    port_file: Path | None = None


def run(settings: Settings, listen: Listen) -> None:
    """Serve until SIGINT or SIGTERM."""
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_serve(settings, listen))


async def _serve(settings: Settings, listen: Listen) -> None:
    runner = web.AppRunner(create_app(settings), handler_cancellation=True, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    ports = {"port": await _listen(runner, listen.host, listen.port, None)}
    if listen.tls_cert is not None and listen.tls_key is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(listen.tls_cert, listen.tls_key)
        ports["tls_port"] = await _listen(runner, listen.host, listen.tls_port or 0, context)
    _announce(listen, ports)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int, context: ssl.SSLContext | None) -> int:
    try:
        opened = socket.create_server((host, port), backlog=1024)
    except OSError as error:
        why = error.strerror or str(error)
        raise CannotListen(f"cannot listen on {host}:{port} ({why}): name another --host or --port (0: any)") from error
    await web.SockSite(runner, opened, ssl_context=context, backlog=1024).start()
    bound: int = opened.getsockname()[1]
    return bound


def _announce(listen: Listen, ports: dict[str, int]) -> None:
    print(f"Local Bedrock: http://{listen.host}:{ports['port']}", flush=True)
    if "tls_port" in ports:
        print(f"Local Bedrock: https://{listen.host}:{ports['tls_port']}", flush=True)
    if listen.port_file is not None:
        # Written whole and then renamed: who waits for the file never reads half of it.
        partial = listen.port_file.with_suffix(".partial")
        partial.write_text(json.dumps(ports))
        partial.replace(listen.port_file)

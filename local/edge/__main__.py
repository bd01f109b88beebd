"""``python -m local.edge --config FILE``: serve the deployed API until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import ClientSession, ClientTimeout, web

from local.edge.authorizer import Authorizer
from local.edge.config import EdgeConfig, read_config
from local.edge.deployed import client, host_config, read_api
from local.edge.server import Edge
from local.lambda_host import LambdaHost


async def serve(config: EdgeConfig, stop: asyncio.Event) -> None:
    """Read the deployed API, listen, write the ready file, and serve until ``stop`` is set."""
    api = await asyncio.to_thread(read_api, client(config, "apigateway"), config.api_id)
    lambdas = client(config, "lambda")
    log_dir = Path(config.work_dir)
    log_dir.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        hosts = {}
        for ref in sorted(api.streamed_functions):
            settings = await asyncio.to_thread(host_config, lambdas, ref, config)
            log = stack.enter_context((log_dir / f"{settings.function_name}.log").open("a", encoding="utf-8"))
            hosts[ref] = await stack.enter_async_context(LambdaHost(settings, _writer(log)))
        session = await stack.enter_async_context(ClientSession(timeout=ClientTimeout(total=60), auto_decompress=False))
        authorizers = {name: Authorizer(item, _invoker(lambdas)) for name, item in api.authorizers.items()}
        edge = Edge(config, api, hosts, authorizers, session)
        runner = web.ServerRunner(web.Server(edge.handle, handler_cancellation=True, access_log=None))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        ports = {"http_port": await _listen(runner, config.http_port, None), "https_port": None}
        if config.https_port is not None:
            ports["https_port"] = await _listen(runner, config.https_port, _tls(config))
        if config.ready_file:
            partial = Path(config.ready_file).with_suffix(".partial")
            partial.write_text(json.dumps(ports))
            partial.replace(config.ready_file)
        print(json.dumps(ports), flush=True)
        await stop.wait()


async def _listen(runner: web.ServerRunner, port: int, context: ssl.SSLContext | None) -> int:
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=context, shutdown_timeout=1.0)
    await site.start()
    return int(runner.addresses[-1][1])


def _tls(config: EdgeConfig) -> ssl.SSLContext:
    if not config.certificate or not config.private_key:
        raise SystemExit("https_port needs certificate and private_key in the configuration")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(config.certificate, config.private_key)
    return context


def _writer(log: Any) -> Callable[[str], None]:
    def write(line: str) -> None:
        log.write(line + "\n")
        log.flush()

    return write


def _invoker(lambdas: Any) -> Callable[[str, dict[str, Any]], tuple[Any, str | None]]:
    def invoke(ref: str, event: dict[str, Any]) -> tuple[Any, str | None]:
        reply = lambdas.invoke(FunctionName=ref, Payload=json.dumps(event).encode())
        answer = json.loads(reply["Payload"].read() or b"null")
        if reply.get("FunctionError"):
            return None, str((answer or {}).get("errorMessage", ""))
        return answer, None

    return invoke


async def run(config: EdgeConfig) -> None:
    """Serve until a signal asks to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve(config, stop)


def main() -> int:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m local.edge", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="JSON file, see local/edge/config.py")
    try:
        config = read_config(parser.parse_args().config)
    except (OSError, msgspec.DecodeError) as error:
        print(f"edge: {error}", file=sys.stderr)
        return 2
    import uvloop

    uvloop.run(run(config))
    return 0


if __name__ == "__main__":
    sys.exit(main())

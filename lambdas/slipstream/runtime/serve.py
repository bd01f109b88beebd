"""``python -m slipstream.runtime.serve``: the chat function in the threaded WSGI server, one or several processes.

The inner loop of development, the host under the Lambda Web Adapter, and the yardstick of the benchmarks.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from slipstream.errors import Unauthenticated
from slipstream.gateway.http import Principal
from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.search_parts import require_search_settings
from slipstream.runtime.settings import read_settings
from slipstream.runtime.wsgi import Authenticate, WsgiApp, anyone, wsgi_app
from slipstream.runtime.wsgi_server import Server


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line of the server."""
    parser = argparse.ArgumentParser(prog="slipstream.runtime.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
    parser.add_argument(
        "--trust-the-network", action="store_true", help="serve whoever reaches another address than loopback"
    )
    parser.add_argument("--port", type=int, default=8080, help="port; 0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="file to write the port into once it listens")
    parser.add_argument("--processes", type=int, default=1, help="host processes that share the port")
    parser.add_argument("--certificate", type=Path, help="PEM chain: serve https")
    parser.add_argument(
        "--behind-web-adapter", action="store_true", help="callers are known from API Gateway's request context"
    )
    parser.add_argument("--indexes", action="store_true", help="serve /v1/indexes, too: needs a search engine")
    parser.add_argument("--private-key", type=Path, help="PEM key of the certificate")
    arguments = parser.parse_args(argv)
    if not (arguments.trust_the_network or _is_loopback(arguments.host)):
        parser.error(
            f"--host '{arguments.host}' is more than loopback, and no key is asked for here: whoever reaches it may do "
            "everything. Listen on 127.0.0.1, or add --trust-the-network where others are kept out"
        )
    return arguments


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or (host.startswith("127.") and host.replace(".", "").isdecimal())


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 2 when a setting is wrong."""
    arguments = parse_arguments(argv)
    try:
        read_settings(os.environ)
        if arguments.indexes:
            require_search_settings(os.environ)
    except BadSetting as error:
        print(f"slipstream: {error.message}", file=sys.stderr)  # noqa: T201
        return 2
    authenticate = principal_of_context if arguments.behind_web_adapter else anyone
    server = Server(
        _application(authenticate, indexes=arguments.indexes, alone=not arguments.behind_web_adapter),
        host=arguments.host,
        port=arguments.port,
        ssl_context=_ssl_context(arguments),
    )
    children = [pid for _ in range(arguments.processes - 1) if (pid := _fork(server))]
    if arguments.port_file:
        partial = arguments.port_file.with_suffix(".partial")
        partial.write_text(f'{{"port": {server.port}}}')
        partial.replace(arguments.port_file)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        return 0
    finally:
        for pid in children:
            os.kill(pid, signal.SIGTERM)
    return 0


def _fork(server: Server) -> int:
    """Start one more process on the same listening socket; the child serves here until it is told to end."""
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    server.serve_forever()
    os._exit(0)


def _application(authenticate: Authenticate, *, indexes: bool, alone: bool) -> WsgiApp:
    """An application that is built at the first request of each process: no thread or socket crosses a fork.

    ``alone``: there are no other functions beside it.
    """
    built: list[WsgiApp] = []
    building = Lock()

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not built:
            with building:
                if not built:
                    from slipstream.gateway.app import create_app
                    from slipstream.runtime.wiring import assemble

                    settings = read_settings(os.environ)
                    parts = assemble(settings, os.environ)
                    app = create_app(parts.gateway)
                    if alone:
                        from slipstream.runtime.precompute_routes import with_precompute

                        app = with_precompute(app, settings, os.environ, parts.stores)
                    if indexes:
                        from slipstream.runtime.index_routes import with_indexes

                        app = with_indexes(app, settings, os.environ)
                    built.append(wsgi_app(app, authenticate=authenticate))
                    gc.freeze()  # nothing that was built is garbage: collecting would search it during a request
        return built[0](environ, start_response)

    return application


def principal_of_context(headers: Mapping[str, str]) -> Principal:
    """Who calls, from the request context that the Web Adapter hands on (it overwrites a caller's own header).

    Raises Unauthenticated where it cannot be read.
    """
    import msgspec

    from slipstream.runtime.lambda_event import RequestContext, principal_of

    try:
        context = msgspec.json.decode(headers.get("x-amzn-request-context", "{}"), type=RequestContext)
    except msgspec.MsgspecError:
        told = "the request context in front of this server cannot be read; call it through API Gateway"
        raise Unauthenticated(told) from None
    return principal_of(context.authorizer)


def _ssl_context(arguments: argparse.Namespace) -> Any:
    if arguments.certificate is None:
        return None
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.certificate, arguments.private_key)
    return context


if __name__ == "__main__":
    sys.exit(main())

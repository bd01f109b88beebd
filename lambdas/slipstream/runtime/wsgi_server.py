"""A threaded WSGI server for one machine: a thread per connection, kept alive, each body item sent at once.

General servers take half a millisecond of each request before the application sees it, as much as all the rest of the
gateway; this one takes a third of that (docs/adr/0002). It serves `slipstream dev`, the benchmarks and the Web Adapter.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from threading import Thread
from typing import Any

from slipstream.disconnect import Disconnect
from slipstream.runtime.wsgi import DISCONNECT_KEY, WsgiApp
from slipstream.runtime.wsgi_request import MAX_BODY_BYTES, MAX_HEAD_BYTES, BadRequest, RequestReader

IDLE_TIMEOUT_S = 300
BODYLESS = ("204", "304")
TLS_ALERT, TLS_SEALED = 0x15, 0x17
TLS_HEADER_BYTES = 5
SEALED_ALERT_BYTES = 19
"""An alert (2 bytes), its type and its tag (16): in TLS 1.3 only its length tells it from a request (RFC 8446, 5.2)."""
_MESSAGES = {
    "413": f"the body is over the limit of {MAX_BODY_BYTES:,} bytes of this server",
    "431": f"the request's headers are over the limit of {MAX_HEAD_BYTES:,} bytes",
    "500": "the server failed before it could answer; send the request again, and look into its log if that fails too",
}


class SocketDisconnect(Disconnect):
    """Watches the caller's own socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._fileno = sock.fileno()

    def fileno(self) -> int | None:
        """The client socket's descriptor."""
        return self._fileno

    def gone(self) -> bool:
        """Whether the peer closed its side (or, over TLS, said that it will)."""
        # A duplicate of the descriptor: SSLSocket refuses MSG_PEEK, and the raw bytes tell enough.
        with socket.socket(fileno=socket.dup(self._fileno)) as raw:
            try:
                seen = raw.recv(TLS_HEADER_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            except BlockingIOError:
                return False
            except OSError:
                return True
        return not seen or _is_alert(seen)


def _is_alert(header: bytes) -> bool:
    if len(header) < TLS_HEADER_BYTES or header[0] != TLS_SEALED:
        return header[0] == TLS_ALERT
    return int.from_bytes(header[3:], "big") <= SEALED_ALERT_BYTES


class Connection:
    """One client connection: requests one after the other until it closes."""

    def __init__(self, sock: socket.socket, app: WsgiApp, base: dict[str, Any]) -> None:
        self._sock = sock
        self._app = app
        self._requests = RequestReader(sock, base | {DISCONNECT_KEY: SocketDisconnect(sock)})

    def serve(self) -> None:
        """Serve until the peer closes, errs, or an answer breaks."""
        try:
            while (environ := self._requests.next()) is not None:
                if not self._respond(environ):
                    return
        except BadRequest as error:
            self._refuse(error.args[0])
        except OSError:
            return
        finally:
            self._sock.close()

    def _refuse(self, status: str) -> None:
        # No wire is known yet: one body that OpenAI's SDKs, botocore and people understand.
        message = _MESSAGES.get(status[:3], f"{status[4:]}: this is no HTTP/1.1 request that can be read")
        kind = "server_error" if status.startswith("5") else "invalid_request_error"
        body = f'{{"message":"{message}","error":{{"message":"{message}","type":"{kind}"}}}}'.encode()
        head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        try:
            self._sock.sendall(f"HTTP/1.1 {status}\r\n{head}".encode() + body)
        except OSError:
            return

    def _respond(self, environ: dict[str, Any]) -> bool:
        """Answer one request; True when the connection may carry another."""
        head: list[str] = []

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
            head[:] = [f"HTTP/1.1 {status}", *(f"{k}: {v}" for k, v in headers)]

        http_1_1 = environ["SERVER_PROTOCOL"] == "HTTP/1.1"
        keep: bool = http_1_1 and environ.get("HTTP_CONNECTION", "").lower() != "close"
        try:
            parts = self._app(environ, start_response)
        except Exception as error:
            _log("no answer", error)
            self._refuse("500 Internal Server Error")
            return False
        try:
            self._send(head, parts, environ["REQUEST_METHOD"] == "HEAD", http_1_1=http_1_1, keep=keep)
        except OSError:
            keep = False
        except Exception as error:  # whatever it was, the client must see a broken answer
            _log("answer broken off", error)
            keep = False
        finally:
            if not keep:
                with suppress(OSError):  # the client need not wait for what is left to settle
                    self._sock.shutdown(socket.SHUT_WR)
            _end(parts)
        return keep

    def _send(self, head: list[str], parts: Iterable[bytes], head_only: bool, *, http_1_1: bool, keep: bool) -> None:
        names = [line.partition(":")[0].lower() for line in head]
        bodyless = head_only or head[0].split(" ")[1] in BODYLESS
        chunked = http_1_1 and not bodyless and "content-length" not in names
        if chunked:
            head.append("transfer-encoding: chunked")
        if not keep:
            head.append("connection: close")
        pending = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")
        send = self._sock.sendall
        if not bodyless:
            for part in parts:
                if part:  # the head leaves with the first bytes, in one write
                    send(pending + (b"%x\r\n%b\r\n" % (len(part), part) if chunked else part))
                    pending = b""
        if chunked:
            pending += b"0\r\n\r\n"
        if pending:
            send(pending)


def _end(parts: Iterable[bytes]) -> None:
    try:
        if (close := getattr(parts, "close", None)) is not None:
            close()
    except Exception as error:  # the answer has gone: its end is no business of the client's
        _log("not settled", error)


def _log(what: str, error: Exception) -> None:
    """The error's type and place, never its message, which may quote a prompt."""
    place, trace = "", error.__traceback__
    while trace is not None:
        place, trace = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}", trace.tb_next
    print(f"{what}: {type(error).__name__} at {place}", file=sys.stderr)  # noqa: T201


class Server:
    """Listens on ``host``:``port`` (0: any free port) and serves ``app``; ``ssl_context`` makes it https."""

    def __init__(
        self, app: WsgiApp, *, host: str = "127.0.0.1", port: int = 0, ssl_context: Any = None, backlog: int = 512
    ) -> None:
        self._app = app
        self._ssl = ssl_context
        self._socket = socket.create_server((host, port), backlog=backlog)
        self.port: int = self._socket.getsockname()[1]
        self._base = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": host,
            "SERVER_PORT": str(self.port),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if ssl_context else "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }

    def serve_forever(self) -> None:
        """Accept until ``close``; each connection gets a daemon thread."""
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            Thread(target=self._connection, args=(sock,), daemon=True).start()

    def start(self) -> Thread:
        """Serve in a background thread (tests)."""
        thread = Thread(target=self.serve_forever, daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Stop accepting; connections that are open end with their peers."""
        self._socket.close()

    def _connection(self, sock: socket.socket) -> None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._ssl is not None:
                sock = self._ssl.wrap_socket(sock, server_side=True)
        except OSError:
            sock.close()
            return
        # The kernel's own timeout: Python's would add a poll to every read and write.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", IDLE_TIMEOUT_S, 0))
        Connection(sock, self._app, self._base).serve()

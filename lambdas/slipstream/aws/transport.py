"""HTTP/1.1 over kept-alive connections, for one request at a time a thread.

Why not http.client: docs/adr/0004. A request goes out in one write, an answer is read as it comes, and while we wait
the caller's own line is watched, so that a caller who hangs up ends the call at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from slipstream.aws.connection import Connection, Patience, PeerClosed, connect, secure
from slipstream.aws.http1 import MAX_HEAD_BYTES, BadResponse, Body, Head, body_of, parse_head
from slipstream.errors import InvalidRequest, StreamCut, UpstreamUnavailable
from slipstream.telemetry.waterfall import Waterfall

if TYPE_CHECKING:
    import ssl

MAX_IDLE_S = 50.0
MAX_IDLE_CONNECTIONS = 64


class Origin(NamedTuple):
    """Where connections go: one pool each."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Value of the ``Host`` header; the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


def parse_base_url(url: str) -> tuple[Origin, str]:
    """``https://host:port/prefix`` → origin and prefix (without a slash at its end). Raises InvalidRequest."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    bracket = authority.rfind("]")
    host, colon, port = authority, "", ""
    if ":" in authority[bracket + 1 :]:
        host, colon, port = authority.rpartition(":")
    host = host.strip("[]")
    if scheme not in ("http", "https") or not separator or not host or (colon and not port.isdigit()):
        raise InvalidRequest(f"an endpoint must look like https://host:port/prefix, not {url!r}", code="bad_setting")
    return Origin(scheme, host, int(port) if port else (443 if scheme == "https" else 80)), (slash + path).rstrip("/")


class Request(NamedTuple):
    """``head`` ends with its empty line; ``method`` is told apart for the answer's framing."""

    method: str
    head: bytes
    body: bytes = b""


class Response:
    """An answer whose head has come. Read to the end, or ``close``."""

    __slots__ = ("_body", "_connection", "_first", "_origin", "_transport", "headers", "keep_alive", "status")

    def __init__(
        self, transport: Transport, origin: Origin, connection: Connection, head: Head, *, body: Body, first: bytes
    ) -> None:
        self.status = head.status
        self.headers = head.headers
        self.keep_alive = head.keep_alive
        self._transport = transport
        self._origin = origin
        self._connection: Connection | None = connection
        self._body = body
        self._first = first
        if body.done:
            self._finish()

    def read(self) -> bytes | None:
        """What has come since the last call; ``b""`` at the end; None after the quiet time without a byte.

        Raises StreamCut when the connection ends too early, UpstreamTimeout, ClientGone.
        """
        connection = self._connection
        if connection is None:
            return b""
        body = self._body
        try:
            while True:
                if self._first:
                    data, self._first = self._first, b""
                else:
                    received = connection.receive()
                    if received is None:
                        return None
                    data = received
                    if not data:
                        if not body.at_close():
                            raise PeerClosed
                        self._finish()
                        return b""
                piece = body.feed(data)
                if body.done:
                    self._finish()
                    return piece
                if piece:
                    return piece
        except PeerClosed:
            self.close()
            raise StreamCut("the model service broke off in the middle of its answer; try again") from None
        except BaseException:
            self.close()
            raise

    def read_all(self, limit_bytes: int = 64 * 1024 * 1024) -> bytes:
        """The whole rest. Raises as ``read``, and BadResponse beyond the limit."""
        pieces: list[bytes] = []
        total = 0
        while (piece := self.read()) != b"":
            if piece is not None:
                pieces.append(piece)
                total += len(piece)
                if total > limit_bytes:
                    self.close()
                    raise BadResponse(f"the service's answer is over {limit_bytes} bytes")
        return b"".join(pieces)

    def __iter__(self) -> Iterator[bytes]:
        """Pieces as they come."""
        try:
            while (piece := self.read()) != b"":
                if piece is not None:
                    yield piece
        finally:
            self.close()

    def _finish(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self.keep_alive and not self._body.surplus:
            self._transport.release(self._origin, connection)
        else:
            connection.close()

    def close(self) -> None:
        """End the exchange now; what has not been read is lost, and so is the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class Exchange:
    """A request that has been sent and whose head is awaited."""

    __slots__ = ("_buffer", "_connection", "_origin", "_patience", "_request", "_transport")

    def __init__(
        self, transport: Transport, origin: Origin, request: Request, patience: Patience, connection: Connection
    ) -> None:
        self._transport = transport
        self._origin = origin
        self._request = request
        self._patience = patience
        self._connection = connection
        self._buffer = b""

    def head(self) -> Response | None:
        """The response once its head has come; None after the quiet time (ask again).

        Raises UpstreamUnavailable when the connection ends without an answer, UpstreamTimeout, ClientGone, BadResponse.
        """
        try:
            while True:
                try:
                    data = self._connection.receive()
                except PeerClosed:
                    data = b""
                if data is None:
                    return None
                if data:
                    response = self._take(data)
                    if response is not None:
                        return response
                elif self._buffer or not self._connection.reused:
                    raise UpstreamUnavailable("the model service closed the connection without an answer; try again")
                else:
                    # Closed while idle, as kept-alive connections are: the request was never looked at.
                    self._connection.close()
                    self._connection = self._transport.send_on_new(self._origin, self._request, self._patience)
        except BaseException:
            self._connection.close()
            raise

    def _take(self, data: bytes) -> Response | None:
        buffer = self._buffer + data if self._buffer else data
        while True:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(buffer) > MAX_HEAD_BYTES:
                    raise BadResponse(f"the model service's response head is over {MAX_HEAD_BYTES} bytes")
                self._buffer = buffer
                return None
            head = parse_head(buffer[:end])
            buffer = buffer[end + 4 :]
            if head.status >= 200:  # what is below only announces the answer
                body = body_of(self._request.method, head)
                return Response(self._transport, self._origin, self._connection, head, body=body, first=buffer)

    def close(self) -> None:
        """Give the call up."""
        self._connection.close()


class Transport:
    """The pool. Safe for threads; an exchange belongs to one of them."""

    def __init__(
        self, *, connect_timeout_s: float = 3.0, read_timeout_s: float = 300.0, ca_bundle: str | None = None
    ) -> None:
        self._connect_timeout_s = connect_timeout_s
        self.read_timeout_s = read_timeout_s
        self._ca_bundle = ca_bundle
        self._idle: dict[Origin, list[Connection]] = {}
        self._sessions: dict[Origin, ssl.SSLSession] = {}
        self._lock = threading.Lock()
        self._tls: ssl.SSLContext | None = None

    def send(
        self, origin: Origin, request: Request, patience: Patience | None = None, waterfall: Waterfall | None = None
    ) -> Exchange:
        """Send a request; opens span ``connect`` where a connection had to be made.

        Raises UpstreamUnavailable, UpstreamTimeout, ClientGone.
        """
        if patience is None:
            patience = Patience(self.read_timeout_s)
        connection = self._reuse(origin)
        if connection is not None:
            connection.attach(patience)
            try:
                connection.send(request.head + request.body)
            except PeerClosed:
                connection.close()
                connection = None
            except BaseException:
                connection.close()
                raise
        if connection is None:
            connection = self.send_on_new(origin, request, patience, waterfall)
        return Exchange(self, origin, request, patience, connection)

    def send_on_new(
        self, origin: Origin, request: Request, patience: Patience, waterfall: Waterfall | None = None
    ) -> Connection:
        """Send a request on a connection of its own making."""
        connection = self._open(origin, patience, waterfall)
        connection.attach(patience)
        try:
            connection.send(request.head + request.body)
        except PeerClosed:
            pass  # a service that refuses a body early has answered already: the answer is read as usual
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self, origin: Origin, patience: Patience, waterfall: Waterfall | None) -> Connection:
        span = waterfall.begin("connect") if waterfall is not None else None
        timeout_s = self._connect_timeout_s
        if patience.deadline_s is not None:
            timeout_s = max(0.001, min(timeout_s, patience.deadline_s - perf_counter()))
        try:
            sock = connect(origin.host, origin.port, timeout_s)
            if origin.scheme == "https":
                sock = secure(sock, origin.host, self._context(), self._sessions.get(origin))
            return Connection(sock, secure=origin.scheme == "https")
        finally:
            if waterfall is not None and span is not None:
                waterfall.end(span)

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls is None:
                import ssl

                self._tls = ssl.create_default_context(cafile=self._ca_bundle)
                self._tls.set_alpn_protocols(["http/1.1"])
            return self._tls

    def _reuse(self, origin: Origin) -> Connection | None:
        while True:
            with self._lock:
                idle = self._idle.get(origin)
                connection = idle.pop() if idle else None
            if connection is None:
                return None
            # The wall clock: a monotonic one may stand still while the environment is frozen.
            if time.time() - connection.idle_since_s < MAX_IDLE_S and not connection.is_stale():
                connection.reused = True
                return connection
            connection.close()

    def release(self, origin: Origin, connection: Connection) -> None:
        """Take a connection back whose exchange is complete."""
        connection.detach()
        connection.idle_since_s = time.time()
        session = connection.session()
        with self._lock:
            if session is not None:
                self._sessions[origin] = session
            idle = self._idle.setdefault(origin, [])
            if len(idle) < MAX_IDLE_CONNECTIONS:
                idle.append(connection)
                return
        connection.close()

    def restore(self) -> None:
        """Drop every connection: after a snapshot none of them is real."""
        with self._lock:
            dropped = [connection for idle in self._idle.values() for connection in idle]
            self._idle.clear()
            self._sessions.clear()
        for connection in dropped:
            connection.close()

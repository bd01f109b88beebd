"""HTTP/1.1 over kept-alive connections, for one request at a time a thread.

Why not http.client: docs/adr/0004. A request goes out in one write, an answer is read as it comes, and while we wait
the caller's own line is watched, so that a caller who hangs up ends the call at once.
"""

from __future__ import annotations

import threading
import time
from time import perf_counter
from typing import TYPE_CHECKING

from slipstream.aws.connection import Connection, Patience, PeerClosed, connect, secure
from slipstream.aws.exchange import Exchange, Request
from slipstream.aws.origin import Origin
from slipstream.telemetry.waterfall import Waterfall

if TYPE_CHECKING:
    import ssl

MAX_IDLE_S = 50.0
MAX_IDLE_CONNECTIONS = 64


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

"""The Lambda Runtime API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html."""

from __future__ import annotations

from time import perf_counter, time

import msgspec

from slipstream.http1 import Head
from slipstream.runtime.response_stream import STREAM_HEAD, ResponseStream
from slipstream.runtime.runtime_connection import ERROR_TYPE, Connection, RuntimeApiError, error_body

VERSION = "/2018-06-01/runtime"


class Invocation(msgspec.Struct, frozen=True):
    """One event to answer. ``deadline_s`` is on the clock of ``perf_counter``."""

    request_id: str
    event: bytes
    deadline_s: float | None
    trace_id: str | None


class RuntimeApi:
    """Client of one environment's Runtime API at ``address`` (``host:port``); the polling connection is kept."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = (host, int(port))
        self._host = address.encode()
        self._polling: Connection | None = None

    def next(self) -> Invocation:
        """Wait for the next event; this is where an environment freezes and ends."""
        head, event = self._poll("/invocation/next")
        request_id = head.headers.get("lambda-runtime-aws-request-id")
        if request_id is None:
            raise RuntimeApiError("the Runtime API answered without a request id")
        deadline_ms = head.headers.get("lambda-runtime-deadline-ms")
        return Invocation(
            request_id=request_id,
            event=event,
            deadline_s=None if deadline_ms is None else perf_counter() + int(deadline_ms) / 1000 - time(),
            trace_id=head.headers.get("lambda-runtime-trace-id"),
        )

    def restore_next(self) -> None:
        """Say that the snapshot may be taken; returns in an environment restored from it."""
        self._poll("/restore/next")
        self.drop_connection()

    def drop_connection(self) -> None:
        """Forget the polling connection: it does not survive a snapshot."""
        if self._polling is not None:
            self._polling.close()
            self._polling = None

    def report(self, path: str, error: BaseException, kind: str) -> None:
        """Post an error to ``/init/error``, ``/restore/error`` or ``/invocation/{id}/error``."""
        body = error_body(error)
        connection = Connection(self._address)
        try:
            connection.send(
                b"POST %b%b HTTP/1.1\r\nHost: %b\r\nContent-Type: application/vnd.aws.lambda.error+json\r\n"
                b"%b: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
                % (VERSION.encode(), path.encode(), self._host, ERROR_TYPE.encode(), kind.encode(), len(body), body)
            )
            connection.receive()
        finally:
            connection.close()

    def open_response(self, request_id: str) -> ResponseStream:
        """Connect for an answer, so that its first byte need not wait for that; nothing is sent until ``start``."""
        path = f"{VERSION}/invocation/{request_id}/response".encode()
        head = b"POST %b HTTP/1.1\r\nHost: %b\r\n" % (path, self._host) + STREAM_HEAD
        return ResponseStream(Connection(self._address), head)

    def _poll(self, path: str) -> tuple[Head, bytes]:
        request = b"GET %b%b HTTP/1.1\r\nHost: %b\r\n\r\n" % (VERSION.encode(), path.encode(), self._host)
        reused = self._polling is not None
        connection = self._polling or Connection(self._address)
        self._polling = None
        try:
            connection.send(request)
            head, body = connection.receive()
        except (OSError, RuntimeApiError):
            connection.close()
            if not reused:
                raise
            return self._poll(path)  # a kept connection may have been closed while we were frozen
        if head.status != 200:
            connection.close()
            raise RuntimeApiError(f"the Runtime API answered {head.status} to {path}: {body[:500]!r}")
        if head.keep_alive:
            self._polling = connection
        else:
            connection.close()
        return head, body

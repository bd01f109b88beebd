"""One request that has gone out, and its answer as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from slipstream.aws.connection import Connection, Patience, PeerClosed
from slipstream.aws.origin import Origin
from slipstream.errors import StreamCut, UpstreamError, UpstreamUnavailable
from slipstream.http1 import MAX_HEAD_BYTES, Body, Head, NotHttp, body_of, parse_head

if TYPE_CHECKING:
    from slipstream.aws.transport import Transport


class BadResponse(UpstreamError):
    """What came is not HTTP/1.1."""

    code = "bad_upstream_response"


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
        self.keep_alive = head.keep_alive and not (body.done and first)
        self._transport = transport
        self._origin = origin
        self._connection: Connection | None = connection
        self._body = body
        self._first = first
        if body.done:
            self._finish()

    def read(self) -> bytes | None:
        """What has come since the last call; ``b""`` at the end; None after the quiet time without a byte.

        Raises StreamCut when the connection ends too early, BadResponse, UpstreamTimeout, ClientGone.
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
        except NotHttp as error:
            self.close()
            raise BadResponse(f"the model service sent {error}") from None
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
        if self.keep_alive and not self._body.rest:
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
                elif self._buffer or not self._connection.reused or not self._patience.may_repeat:
                    raise UpstreamUnavailable("the model service closed the connection without an answer; try again")
                else:
                    # Closed while idle, as kept-alive connections are: most likely the request was never looked at.
                    self._patience.may_repeat = False
                    self._connection.close()
                    self._connection = self._transport.send_on_new(self._origin, self._request, self._patience)
        except NotHttp as error:
            self._connection.close()
            raise BadResponse(f"the model service sent {error}") from None
        except BaseException:
            self._connection.close()
            raise

    def _take(self, data: bytes) -> Response | None:
        buffer = self._buffer + data if self._buffer else data
        while True:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(buffer) > MAX_HEAD_BYTES:
                    raise NotHttp(f"a head of more than {MAX_HEAD_BYTES} bytes")
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

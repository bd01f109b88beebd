"""The Lambda Runtime API over a plain socket: http.client would cost 50 ms of a cold start.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html and …/runtimes-custom.html (response streaming).
"""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Sequence
from time import perf_counter, time

import msgspec

from slipstream.http1 import MAX_HEAD_BYTES, Head, NotHttp, body_of, parse_head

VERSION = "/2018-06-01/runtime"
DELIMITER = bytes(8)
PRELUDE_LIMIT_BYTES = 16 * 1024 - len(DELIMITER)
"""API Gateway looks for the delimiter in the first 16 KB only."""
ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY = "Lambda-Runtime-Function-Error-Body"


class RuntimeApiError(Exception):
    """The Runtime API said something that ends this environment."""


class ReaderGone(Exception):
    """Nobody takes the answer any more: a local host closed, which Lambda itself never does."""


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
        head = b"POST %b HTTP/1.1\r\nHost: %b\r\n" % (path, self._host) + _STREAM_HEAD
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


_STREAM_HEAD = (
    b"Content-Type: application/vnd.awslambda.http-integration-response\r\n"
    b"Lambda-Runtime-Function-Response-Mode: streaming\r\n"
    b"Transfer-Encoding: chunked\r\n"
    b"Trailer: %b, %b\r\n"
    b"Connection: close\r\n\r\n"
) % (ERROR_TYPE.encode(), ERROR_BODY.encode())


class ResponseStream:
    """One streamed answer: ``start`` once, ``write`` many times, then ``finish`` or ``fail``; ``wait`` in the end."""

    def __init__(self, connection: Connection, head: bytes) -> None:
        self._connection = connection
        self._head = head
        self.started = False
        self.ended = False

    def fileno(self) -> int:
        """Readable when the peer has closed: a local host does so when the client has gone."""
        return self._connection.fileno()

    def gone(self) -> bool:
        """Whether the host has closed the connection before the answer's end."""
        return self._connection.peer_closed()

    def start(self, status: int, headers: list[tuple[str, str]], first: bytes = b"", *, last: bool = False) -> None:
        """Send head, prelude, delimiter and ``first`` in one write (and the end as well with ``last``)."""
        meta = prelude(status, headers)
        parts = [self._head, _chunk(meta + DELIMITER)]
        if first:
            parts.append(_chunk(first))
        if last:
            parts.append(b"0\r\n\r\n")
            self.ended = True
        self.started = True
        self._send(b"".join(parts))

    def write(self, data: bytes) -> None:
        """Send ``data`` at once. An empty chunk would end the answer, so it is skipped."""
        if data:
            self._send(_chunk(data))

    def finish(self) -> None:
        """Say that the answer is whole."""
        if not self.ended:
            self.ended = True
            self._send(b"0\r\n\r\n")

    def fail(self, error: BaseException) -> None:
        """Say in trailers that the answer is broken; the body stays clean."""
        if self.ended:
            return
        self.ended = True
        kind = f"Runtime.{type(error).__name__}".encode()
        detail = b64encode(error_body(error))
        self._send(b"0\r\n%b: %b\r\n%b: %b\r\n\r\n" % (ERROR_TYPE.encode(), kind, ERROR_BODY.encode(), detail))

    def _send(self, data: bytes) -> None:
        try:
            self._connection.send(data)
        except OSError as error:
            self.ended = False
            raise ReaderGone from error

    def wait(self) -> int:
        """Wait until the Runtime API has taken all and close; returns its status (202)."""
        try:
            return self._connection.receive()[0].status
        finally:
            self.close()

    def close(self) -> None:
        """Drop the connection; an answer that has not ended is then truncated."""
        self._connection.close()


def prelude(status: int, headers: Sequence[tuple[str, str]]) -> bytes:
    """Metadata in front of the body. Raises ValueError when it is over what API Gateway reads."""
    single: dict[str, str] = {}
    multi: dict[str, list[str]] = {}
    cookies: list[str] = []
    for name, value in headers:
        key = name.lower()
        if key == "set-cookie":
            cookies.append(value)
        elif key in multi:
            multi[key].append(value)
        elif key in single:
            multi[key] = [single.pop(key), value]
        else:
            single[key] = value
    fields: dict[str, object] = {"statusCode": status, "headers": single}
    if multi:
        fields["multiValueHeaders"] = multi
    if cookies:
        fields["cookies"] = cookies
    data = msgspec.json.encode(fields)
    if len(data) > PRELUDE_LIMIT_BYTES:
        raise ValueError(f"the answer's headers take {len(data)} bytes, API Gateway reads {PRELUDE_LIMIT_BYTES}")
    return data


def error_body(error: BaseException) -> bytes:
    """What Lambda shows of an error: its type alone, for a message may quote a prompt."""
    name = type(error).__name__
    return msgspec.json.encode({"errorType": name, "errorMessage": f"{name} (see the log)", "stackTrace": []})


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Connection:
    """One TCP connection to the Runtime API."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def peer_closed(self) -> bool:
        """Whether the peer has closed its side, without waiting."""
        try:
            return self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._socket.sendall(data)

    def receive(self) -> tuple[Head, bytes]:
        """Read one response. Raises RuntimeApiError where it ends too early or is none."""
        received = b""
        try:
            while (end := received.find(b"\r\n\r\n")) < 0:
                if len(received) > MAX_HEAD_BYTES:
                    raise NotHttp(f"a head of more than {MAX_HEAD_BYTES} bytes")
                received += self._more()
            head = parse_head(received[:end])
            body = body_of("GET", head)
            parts = [body.feed(received[end + 4 :])]
            while not body.done and (data := self._more(may_end=body.at_close())):
                parts.append(body.feed(data))
        except NotHttp as error:
            raise RuntimeApiError(f"the Runtime API sent {error}") from None
        return head, b"".join(parts)

    def _more(self, *, may_end: bool = False) -> bytes:
        data = self._socket.recv(1 << 20)
        if not data and not may_end:
            raise RuntimeApiError("the Runtime API closed the connection")
        return data

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

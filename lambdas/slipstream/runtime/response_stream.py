"""A streamed answer on its way to the Lambda Runtime API: prelude, chunks, and trailers where it breaks.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html (response streaming).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

import msgspec

from slipstream.runtime.runtime_connection import ERROR_TYPE, Connection, error_body

DELIMITER = bytes(8)
PRELUDE_LIMIT_BYTES = 16 * 1024 - len(DELIMITER)
"""API Gateway looks for the delimiter in the first 16 KB only."""
ERROR_BODY = "Lambda-Runtime-Function-Error-Body"


class ReaderGone(Exception):
    """Nobody takes the answer any more: a local host closed, which Lambda itself never does."""


STREAM_HEAD = (
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


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)

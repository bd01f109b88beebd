"""HTTP/1.1 requests of one connection → WSGI's environ."""

from __future__ import annotations

import io
import socket
from typing import Any

from slipstream.http1 import BodyByChunks, NotHttp

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024
ONLY_ONE = frozenset(
    {"CONTENT_LENGTH", "HTTP_HOST", "HTTP_AUTHORIZATION", "HTTP_X_API_KEY", "HTTP_X_AMZN_REQUEST_CONTEXT"}
)
"""Headers that say who calls, or where a request ends: a second one would leave open which of them counts."""


class BadRequest(Exception):
    """The peer does not speak HTTP/1.1; ``args[0]`` is the status line to answer with."""


class RequestReader:
    """Reads one request after the other; ``base`` is what every environ holds.

    Heads are read here and nowhere else: they go straight into WSGI's names, which is a good part of what this server
    gains over general ones. Chunked bodies are read as everywhere (``http1``).
    """

    def __init__(self, sock: socket.socket, base: dict[str, Any]) -> None:
        self._sock = sock
        self._base = base
        self._buffer = b""

    def next(self) -> dict[str, Any] | None:
        """The next request, with its whole body; None when the peer has closed. Raises BadRequest, OSError."""
        head = self._head()
        return None if head is None else self._environ(head)

    def _more(self) -> None:
        data = self._sock.recv(65536)
        if not data:
            raise ConnectionError("closed inside a request")
        self._buffer += data

    def _head(self) -> list[str] | None:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BadRequest("431 Request Header Fields Too Large")
            data = self._sock.recv(65536)
            if not data:
                return None
            self._buffer += data
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        return head.decode("latin-1").split("\r\n")

    def _environ(self, head: list[str]) -> dict[str, Any]:
        try:
            method, target, version = head[0].split(" ")
        except ValueError:
            raise BadRequest("400 Bad Request") from None
        if not version.startswith("HTTP/1."):
            raise BadRequest("505 HTTP Version Not Supported")
        path, _, query = target.partition("?")
        environ = self._base | {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "RAW_URI": target,
            "QUERY_STRING": query,
            "SERVER_PROTOCOL": version,
        }
        for line in head[1:]:
            name, colon, value = line.partition(":")
            if not colon or name != name.strip():
                raise BadRequest("400 Bad Request")
            if "_" in name:  # in WSGI's names it would pass for its twin with a hyphen, which others vouch for
                continue
            key = name.upper().replace("-", "_")
            if key not in ("CONTENT_LENGTH", "CONTENT_TYPE"):
                key = "HTTP_" + key
            if key in ONLY_ONE and key in environ:
                raise BadRequest("400 Bad Request")
            environ[key] = f"{environ[key]},{value.strip()}" if key in environ else value.strip()
        body = self._read_body(environ)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        return environ

    def _read_body(self, environ: dict[str, Any]) -> bytes:
        if environ.get("HTTP_EXPECT", "").lower() == "100-continue":
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "HTTP_TRANSFER_ENCODING" in environ:
            return self._read_chunked()
        length_text = environ.get("CONTENT_LENGTH", "0") or "0"
        if not length_text.isdecimal():
            raise BadRequest("400 Bad Request")
        if (length := int(length_text)) > MAX_BODY_BYTES:
            raise BadRequest("413 Content Too Large")
        return self._take(length)

    def _take(self, length: int) -> bytes:
        if len(self._buffer) < length:
            parts, have = [self._buffer], len(self._buffer)
            while have < length:
                data = self._sock.recv(min(length - have, 1 << 20))
                if not data:
                    raise ConnectionError("closed inside a body")
                parts.append(data)
                have += len(data)
            self._buffer = b"".join(parts)
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return body

    def _read_chunked(self) -> bytes:
        body = BodyByChunks()
        parts: list[bytes] = []
        total = 0
        try:
            while True:
                parts.append(body.feed(self._buffer))
                self._buffer = body.rest
                total += len(parts[-1])
                if total > MAX_BODY_BYTES:
                    raise BadRequest("413 Content Too Large")
                if body.done:
                    return b"".join(parts)
                self._more()
        except NotHttp:
            raise BadRequest("400 Bad Request") from None

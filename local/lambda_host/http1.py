"""HTTP/1.1 requests out of bytes, as they come: chunk by chunk, with trailers. Free of sockets.

Not the product's reader (``slipstream.http1``), which hands on bytes as they come and drops trailers: Lambda's protocol
says something with both, so whole chunks and trailers are kept. As the host judges what our loop writes, it should not
share a mistake with it either.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_HEAD_BYTES = 64 * 1024


class BadRequest(Exception):
    """The peer sent something that is not HTTP/1.1."""


@dataclass(slots=True)
class Head:
    """Start of a request; header names are lower-case."""

    method: str
    target: str
    headers: dict[str, str]


@dataclass(slots=True)
class Data:
    """A piece of the body: one HTTP chunk, or what has come of a body with a length."""

    data: bytes


@dataclass(slots=True)
class End:
    """End of a request; trailer names are lower-case."""

    trailers: dict[str, str] = field(default_factory=dict)


Part = Head | Data | End


class RequestParser:
    """Feed it what arrives; it returns what is complete. Requests may follow each other on a connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0
        self._step = self._head

    def feed(self, data: bytes) -> list[Part]:
        """Take ``data``; return the parts that it completed. Raises BadRequest."""
        self._buffer += data
        parts: list[Part] = []
        try:
            while (part := self._step()) is not None:
                parts.append(part)
        except ValueError as error:
            raise BadRequest(str(error)) from error
        return parts

    def _block(self, end_mark: bytes) -> bytes | None:
        end = self._buffer.find(end_mark)
        if end < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BadRequest(f"a head of more than {MAX_HEAD_BYTES} bytes")
            return None
        block = bytes(self._buffer[:end])
        del self._buffer[: end + len(end_mark)]
        return block

    def _head(self) -> Part | None:
        block = self._block(b"\r\n\r\n")
        if block is None:
            return None
        first, *lines = block.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = _fields(lines)
        if headers.get("transfer-encoding", "").lower() == "chunked":
            self._step = self._chunk
        else:
            self._left = int(headers.get("content-length") or 0)
            self._step = self._sized
        return Head(method, target, headers)

    def _sized(self) -> Part | None:
        if self._left == 0:
            self._step = self._head
            return End()
        data = bytes(self._buffer[: self._left])
        del self._buffer[: len(data)]
        self._left -= len(data)
        return Data(data) if data else None

    def _chunk(self) -> Part | None:
        at = self._buffer.find(b"\r\n")
        if at < 0:
            return None
        size = int(self._buffer[:at].split(b";")[0], 16)
        if size == 0:
            del self._buffer[: at + 2]
            self._step = self._trailers
            return self._trailers()
        end = at + 2 + size
        if len(self._buffer) < end + 2:
            return None
        data = bytes(self._buffer[at + 2 : end])
        del self._buffer[: end + 2]
        return Data(data)

    def _trailers(self) -> Part | None:
        if self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]
            block: bytes | None = b""
        else:
            block = self._block(b"\r\n\r\n")
        if block is None:
            return None
        self._step = self._head
        return End(_fields(block.decode("latin-1").split("\r\n")) if block else {})


def _fields(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}

"""HTTP/1.1 from bytes, free of sockets: responses' heads, and bodies by length, by chunks or up to the close."""

from __future__ import annotations

MAX_HEAD_BYTES = 65536
MAX_CHUNK_LINE_BYTES = 1024


class NotHttp(Exception):
    """What came is not HTTP/1.1; the message completes "the other side sent …"."""


class Head:
    """Status and headers by lower-case name; of headers with one name the last counts."""

    __slots__ = ("headers", "keep_alive", "status")

    def __init__(self, status: int, headers: dict[str, str], *, keep_alive: bool) -> None:
        self.status = status
        self.headers = headers
        self.keep_alive = keep_alive


def parse_head(block: bytes) -> Head:
    """Parse a head without its empty line. Raises NotHttp."""
    text = block.decode("latin-1")
    status_line, *lines = text.split("\r\n")
    version, _, rest = status_line.partition(" ")
    code = rest[:3]
    if version not in ("HTTP/1.1", "HTTP/1.0") or not (code.isascii() and code.isdigit() and len(code) == 3):
        raise NotHttp("no status line of HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise NotHttp("a malformed header")
        headers[name.lower()] = value.strip()
    connection = headers.get("connection", "").lower()
    keep_alive = "close" not in connection and (version == "HTTP/1.1" or "keep-alive" in connection)
    return Head(int(code), headers, keep_alive=keep_alive)


class BodyByLength:
    """A body of a known number of bytes."""

    __slots__ = ("_left", "done", "rest")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0
        self.rest = b""
        """What came after the end: the next message, where one may follow."""

    def feed(self, data: bytes) -> bytes:
        """The body's bytes inside ``data``."""
        if len(data) > self._left:
            data, self.rest = data[: self._left], data[self._left :]
        self._left -= len(data)
        self.done = self._left == 0
        return data

    def at_close(self) -> bool:
        """Whether the body is whole when the connection ends here."""
        return self.done


class BodyToClose(BodyByLength):
    """A body that ends with the connection."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(1)

    def feed(self, data: bytes) -> bytes:
        """Everything belongs to the body."""
        return data

    def at_close(self) -> bool:
        """Always: the close is the end."""
        return True


class BodyByChunks:
    """A chunked body. Bytes are handed on as they come; a chunk need not be whole."""

    __slots__ = ("_left", "_line", "_part", "done", "rest")

    def __init__(self) -> None:
        self._part = "size"
        self._left = 0
        self._line = b""
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """The body's bytes inside ``data``. Raises NotHttp."""
        if (whole := self._whole_chunk(data)) is not None:
            return whole
        out: list[bytes] = []
        at, end = 0, len(data)
        while at < end:
            if self._part == "data":
                piece = data[at : at + self._left]
                out.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._part = "after"
                continue
            if self._part == "over":
                self.rest = data[at:]
                break
            newline = data.find(b"\n", at)
            if newline < 0:
                self._keep(data[at:])
                break
            line = self._line + data[at:newline] if self._line else data[at:newline]
            self._line = b""
            at = newline + 1
            self._take(line[:-1] if line[-1:] == b"\r" else line)
        return out[0] if len(out) == 1 else b"".join(out)

    def _whole_chunk(self, data: bytes) -> bytes | None:
        """What is nearly every token of a stream: exactly one chunk, plainly framed; None where it is anything else."""
        newline = data.find(b"\r\n", 0, 18)
        if self._part != "size" or self._line or newline <= 0 or data[-2:] != b"\r\n":
            return None
        digits = data[:newline]
        if not digits.isalnum():
            return None
        try:
            size = int(digits, 16)
        except ValueError:
            return None
        return data[newline + 2 : -2] if size and size == len(data) - newline - 4 else None

    def _keep(self, piece: bytes) -> None:
        self._line += piece
        if len(self._line) > MAX_CHUNK_LINE_BYTES:
            raise NotHttp("an endless chunk size")

    def _take(self, line: bytes) -> None:
        if self._part == "size":
            digits = line.partition(b";")[0].strip()
            try:
                # int() takes signs and underscores too, which no chunk size has
                self._left = int(digits, 16) if digits.isalnum() else -1
            except ValueError:
                self._left = -1
            if self._left < 0:
                raise NotHttp("a malformed chunk size")
            self._part = "data" if self._left else "trailer"
        elif self._part == "after":
            if line:
                raise NotHttp("a chunk that is longer than it says")
            self._part = "size"
        elif not line:
            self._part, self.done = "over", True

    def at_close(self) -> bool:
        """Whether the last chunk has come."""
        return self.done


Body = BodyByLength | BodyByChunks


def body_of(method: str, head: Head) -> Body:
    """How this response's body ends (RFC 9112, 6.3). Raises NotHttp."""
    if method == "HEAD" or head.status in (204, 304):
        return BodyByLength(0)
    if "chunked" in head.headers.get("transfer-encoding", "").lower():
        return BodyByChunks()
    length = head.headers.get("content-length")
    if length is None:
        head.keep_alive = False
        return BodyToClose()
    if not (length.isascii() and length.isdigit()):
        raise NotHttp("a malformed content-length")
    return BodyByLength(int(length))

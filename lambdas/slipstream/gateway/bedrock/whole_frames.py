"""An event stream that is handed on unread, frame by whole frame, so that it can be ended properly where it breaks."""

from __future__ import annotations

from collections.abc import Iterator

from slipstream import eventstream
from slipstream.errors import ClientGone, SlipstreamError, StreamCut

_LEAST_BYTES, _MOST_BYTES = 16, eventstream.MAX_HEADER_BYTES + eventstream.MAX_PAYLOAD_BYTES + 16
_LAST_WORDS = (b":exception-type\x07", b":error-code\x07")


class WholeFrames:
    """Hands ``body`` on. Of a stream that breaks off the half frame stays behind, and an exception frame follows."""

    def __init__(self, body: Iterator[bytes]) -> None:
        self._body = body
        self._half = b""
        self.failure: str | None = None
        """Why the stream is no whole answer: an error's code, or the exception that was the service's last word."""

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._body:
                if whole := self._take(piece):
                    yield whole
            if self._half:
                raise StreamCut("the model service broke off in the middle of its answer; try again")
        except ClientGone:
            raise
        except SlipstreamError as error:
            from slipstream.gateway.bedrock.stream import exception

            self.failure = error.code
            yield exception(error)

    def _take(self, piece: bytes) -> bytes:
        data, at = self._half + piece, 0
        while len(data) - at >= 4:
            length = int.from_bytes(data[at : at + 4], "big")
            if not _LEAST_BYTES <= length <= _MOST_BYTES:
                raise eventstream.BadFrame("the model service sent a frame of an impossible length; try again")
            if at + length > len(data):
                break
            self._look(data[at : at + length])
            at += length
        self._half = data[at:]
        return data[:at]

    def _look(self, frame: bytes) -> None:
        head = frame[12 : 12 + int.from_bytes(frame[4:8], "big")]
        for name in _LAST_WORDS:
            _, found, rest = head.partition(name)
            if found:
                self.failure = rest[2 : 2 + int.from_bytes(rest[:2], "big")].decode("ascii", "replace")[:80]

    def close(self) -> None:
        """End the call behind it."""
        if (close := getattr(self._body, "close", None)) is not None:
            close()

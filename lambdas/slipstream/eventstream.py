"""AWS's binary event stream (application/vnd.amazon.eventstream), both ways.

A frame: total length, header length (4 bytes each, big-endian), CRC-32 of these eight; headers; payload; CRC-32 of
everything before. A header: its name behind a length (1 byte), its type (1 byte), its value, where that has no fixed
size behind a length (2 bytes). Contract-tested against botocore's parser; why our own: docs/adr/0004.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache
from zlib import crc32

import msgspec

from slipstream.errors import StreamCut

CONTENT_TYPE = "application/vnd.amazon.eventstream"
MAX_HEADER_BYTES = 128 * 1024
MAX_PAYLOAD_BYTES = 24 * 1024 * 1024
_OVERHEAD = 16
"""Bytes of a frame beside its headers and payload: prelude 8, its checksum 4, the frame's checksum 4."""
_REMEMBERED_BLOCKS = 64
"""All streams of a service repeat a handful of header blocks, so each is read once a process."""

HeaderValue = bool | int | bytes | str
_LENGTHS = struct.Struct(">II")
_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_FIXED = {2: struct.Struct(">b"), 3: struct.Struct(">h"), 4: struct.Struct(">i"), 5: struct.Struct(">q")}
_BYTES, _STRING, _TIMESTAMP, _UUID = 6, 7, 8, 9


def header_block(headers: Mapping[str, HeaderValue]) -> bytes:
    """Encode headers once, for many frames. Names are at most 255 bytes, strings and bytes at most 32 KiB."""
    return b"".join([_encode_header(name, value) for name, value in headers.items()])


def _encode_header(name: str, value: HeaderValue) -> bytes:
    raw = name.encode()
    head = bytes((len(raw),)) + raw
    if isinstance(value, bool):
        return head + (b"\x00" if value else b"\x01")
    if isinstance(value, int):
        return head + b"\x05" + _FIXED[5].pack(value)
    kind, body = (_STRING, value.encode()) if isinstance(value, str) else (_BYTES, value)
    return head + bytes((kind,)) + len(body).to_bytes(2, "big") + body


def frame(headers: bytes, payload: bytes) -> bytes:
    """One frame around ``payload``; ``headers`` comes from ``header_block``."""
    prelude = _LENGTHS.pack(len(headers) + len(payload) + _OVERHEAD, len(headers))
    head = prelude + _CRC.pack(crc32(prelude)) + headers
    return head + payload + _CRC.pack(crc32(payload, crc32(head)))


@lru_cache(maxsize=64)
def event_headers(event_type: str) -> bytes:
    """Header block of an ordinary JSON event, e.g. ``contentBlockDelta``."""
    return header_block({":event-type": event_type, ":content-type": "application/json", ":message-type": "event"})


def event(event_type: str, payload: bytes) -> bytes:
    """The frame of an ordinary JSON event."""
    return frame(event_headers(event_type), payload)


def exception(exception_type: str, payload: bytes) -> bytes:
    """The frame of a modeled exception, e.g. ``throttlingException``; nothing may follow it in a stream."""
    names = {":exception-type": exception_type, ":content-type": "application/json", ":message-type": "exception"}
    return frame(header_block(names), payload)


class BadFrame(StreamCut):
    """Bytes that are no event stream: a wrong checksum, an impossible length, an unknown header type."""

    code = "bad_event_stream"


class Message(msgspec.Struct, frozen=True):
    """One frame. ``headers`` may be shared between messages: read only."""

    headers: Mapping[str, HeaderValue]
    payload: bytes


class Decoder:
    """Frames from bytes that come in any pieces."""

    __slots__ = ("_buffer", "failure")

    def __init__(self) -> None:
        self._buffer = b""
        self.failure: BadFrame | None = None
        """What is wrong after the messages that the last ``feed`` gave; the next one raises it."""

    @property
    def idle(self) -> bool:
        """Whether no frame is half read."""
        return not self._buffer

    def feed(self, data: bytes) -> list[Message]:
        """The messages completed by ``data``. Raises BadFrame once all before the damage have been given."""
        if self.failure is not None:
            raise self.failure
        if self._buffer:
            data = self._buffer + data
        messages: list[Message] = []
        try:
            at = self._scan(data, messages)
        except BadFrame as error:
            self.failure = error
            if not messages:
                raise
            return messages
        self._buffer = data[at:]
        return messages

    def _scan(self, data: bytes, messages: list[Message]) -> int:
        at, end = 0, len(data)
        while end - at >= 12:
            total, header_bytes, prelude_crc = _PRELUDE.unpack_from(data, at)
            crc = crc32(data[at : at + 8])
            if crc != prelude_crc:
                raise BadFrame("a frame of the model's stream is damaged (checksum of its prelude)")
            if header_bytes > MAX_HEADER_BYTES or not 0 <= total - header_bytes - _OVERHEAD <= MAX_PAYLOAD_BYTES:
                raise BadFrame("a frame of the model's stream has an impossible length")
            stop = at + total
            if stop > end:
                break
            if crc32(data[at + 8 : stop - 4], crc) != _CRC.unpack_from(data, stop - 4)[0]:
                raise BadFrame("a frame of the model's stream is damaged (checksum)")
            payload_at = at + 12 + header_bytes
            messages.append(Message(_headers(data[at + 12 : payload_at]), data[payload_at : stop - 4]))
            at = stop
        return at


@lru_cache(maxsize=_REMEMBERED_BLOCKS)
def _headers(block: bytes) -> dict[str, HeaderValue]:
    try:
        return _decode_headers(block)
    except (struct.error, IndexError, UnicodeDecodeError):
        raise BadFrame("a frame of the model's stream has malformed headers") from None


def _decode_headers(block: bytes) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    at, end = 0, len(block)
    while at < end:
        name_end = at + 1 + block[at]
        name = block[at + 1 : name_end].decode()
        kind = block[name_end]
        value, at = _decode_value(block, kind, name_end + 1)
        if at > end:
            raise IndexError
        if name in headers:
            raise BadFrame(f"a frame of the model's stream has the header {name} twice")
        headers[name] = value
    return headers


def _decode_value(block: bytes, kind: int, at: int) -> tuple[HeaderValue, int]:
    if kind in (0, 1):
        return kind == 0, at
    if kind in _FIXED:
        return _FIXED[kind].unpack_from(block, at)[0], at + _FIXED[kind].size
    if kind in (_BYTES, _STRING):
        stop = at + 2 + int.from_bytes(block[at : at + 2], "big")
        raw = block[at + 2 : stop]
        return (raw if kind == _BYTES else raw.decode()), stop
    if kind == _TIMESTAMP:
        return _FIXED[5].unpack_from(block, at)[0], at + 8
    if kind == _UUID:
        return block[at : at + 16], at + 16
    raise BadFrame(f"a frame of the model's stream has a header of unknown type {kind}")

"""AWS's event-stream framing (application/vnd.amazon.eventstream): the sending side, and one frame's reading.

A frame is: total length, length of the headers (4 bytes each, big-endian), CRC-32 of these eight; headers; payload;
CRC-32 of everything before. Header values here are strings (type 7), the only ones that Bedrock uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from zlib import crc32

_PRELUDE = Struct(">II").pack
_CRC = Struct(">I").pack
_STRING = 7
OVERHEAD_BYTES = 16
"""Bytes of a frame beside its headers and payload: prelude 8, its checksum 4, the frame's checksum 4."""


def header_block(headers: Mapping[str, str]) -> bytes:
    """Encode headers once, for many frames. Names are ASCII of at most 255 characters, values at most 32 KiB."""
    out = bytearray()
    for name, value in headers.items():
        data = value.encode()
        out += bytes((len(name),)) + name.encode("ascii") + bytes((_STRING,)) + len(data).to_bytes(2, "big") + data
    return bytes(out)


def frame(headers: bytes, payload: bytes) -> bytes:
    """One frame around ``payload``; ``headers`` comes from ``header_block``."""
    prelude = _PRELUDE(len(headers) + len(payload) + OVERHEAD_BYTES, len(headers))
    head = prelude + _CRC(crc32(prelude)) + headers
    return head + payload + _CRC(crc32(payload, crc32(head)))


def event_headers(event_type: str) -> bytes:
    """Header block of an ordinary JSON event."""
    return header_block({":event-type": event_type, ":content-type": "application/json", ":message-type": "event"})


def exception_headers(exception_type: str) -> bytes:
    """Header block of a modeled exception inside a stream."""
    return header_block(
        {":exception-type": exception_type, ":content-type": "application/json", ":message-type": "exception"}
    )

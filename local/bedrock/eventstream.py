"""Messages of ``application/vnd.amazon.eventstream``.

Layout (AWS, "event stream encoding"): total length and header length as big-endian u32, CRC-32 of those eight bytes,
headers, payload, CRC-32 of everything before. A header is a name length (u8), the name, type 7 (string), a value
length (u16), the value.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from zlib import crc32

CONTENT_TYPE = "application/vnd.amazon.eventstream"


@lru_cache(maxsize=64)
def _headers(pairs: tuple[tuple[str, str], ...]) -> bytes:
    out = bytearray()
    for name, value in pairs:
        raw_name, raw_value = name.encode(), value.encode()
        out += struct.pack("!B", len(raw_name)) + raw_name + struct.pack("!BH", 7, len(raw_value)) + raw_value
    return bytes(out)


def _message(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    head = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
    return head + struct.pack("!I", crc32(head))


def event(kind: str, payload: bytes) -> bytes:
    """An event with a JSON payload, e.g. ``contentBlockDelta``."""
    pairs = ((":event-type", kind), (":content-type", "application/json"), (":message-type", "event"))
    return _message(_headers(pairs), payload)


def exception(kind: str, payload: bytes) -> bytes:
    """An in-stream exception, e.g. ``throttlingException``; nothing may follow it."""
    pairs = ((":exception-type", kind), (":content-type", "application/json"), (":message-type", "exception"))
    return _message(_headers(pairs), payload)

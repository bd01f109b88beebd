"""An answer as it is kept: its events with their borders, and what it took to make it. Compressed, with a checksum."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from slipstream.chat.events import (
    Event,
    Heartbeat,
    OtherDelta,
    ReasoningDelta,
    Started,
    Stopped,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)  # fmt: skip

FORMAT = 1
"""Version of what is written here; what a newer one wrote is not read, and left where it is."""
KINDS = (
    Started, TextDelta, ReasoningDelta, ToolCallStarted, ToolCallDelta, OtherDelta, Stopped, Usage,
)  # fmt: skip
"""An event is written as its place in here and its fields; new ones are added at the end."""
MOST_BYTES = 64 * 1024 * 1024
"""What a body may unpack to: one that grows beyond is no entry of ours."""
_NUMBER = {kind: number for number, kind in enumerate(KINDS)}
_encode = msgspec.msgpack.Encoder().encode


class CorruptEntry(Exception):
    """What stands there is not what was written."""


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A finished answer."""

    events: tuple[Event, ...]
    model_id: str
    cost_usd: float | None = None
    """What it cost when the model made it."""
    total_ms: float = 0.0
    """What it took then, first byte to last included."""
    ttft_ms: float | None = None
    rag: dict[str, Any] | None = None
    """What the reply said of its passages and citations."""
    precomputed: bool = False
    """Whether it was made before anybody asked."""


class Body(msgspec.Struct, frozen=True):
    """An answer's bytes and their checksum (BLAKE2b-128, hex)."""

    packed: bytes
    checksum: str


class _Wire(msgspec.Struct, array_like=True):
    events: list[Any]
    model_id: str
    cost_usd: float | None
    total_ms: float
    ttft_ms: float | None
    rag: dict[str, Any] | None
    precomputed: bool = False


_decoder = msgspec.msgpack.Decoder(_Wire)


def pack(answered: Answered) -> Body:
    """Events → bytes. Heartbeats are left out, and so is what the model service took then: it is not taken again."""
    events = [
        [_NUMBER[type(event)], *msgspec.structs.astuple(_kept(event))]
        for event in answered.events
        if type(event) is not Heartbeat
    ]
    wire = _Wire(
        events, answered.model_id, answered.cost_usd, answered.total_ms, answered.ttft_ms, answered.rag,
        answered.precomputed,
    )  # fmt: skip
    packed = zlib.compress(_encode(wire), 6)
    return Body(packed, checksum_of(packed))


def unpack(body: Body) -> Answered:
    """Bytes → events. Raises CorruptEntry where the checksum or the shape is not what ``pack`` made."""
    if checksum_of(body.packed) != body.checksum:
        raise CorruptEntry("the checksum does not fit")
    try:
        inflater = zlib.decompressobj()
        raw = inflater.decompress(body.packed, MOST_BYTES)
        if not inflater.eof:
            raise CorruptEntry("it is cut, or too large")
        wire = _decoder.decode(raw)
        events = tuple(KINDS[event[0]](*event[1:]) for event in wire.events)
    except (zlib.error, msgspec.MsgspecError, TypeError, IndexError) as error:
        raise CorruptEntry(f"it cannot be read ({type(error).__name__})") from None
    return Answered(
        events=events,
        model_id=wire.model_id,
        cost_usd=wire.cost_usd,
        total_ms=wire.total_ms,
        ttft_ms=wire.ttft_ms,
        rag=wire.rag,
        precomputed=wire.precomputed,
    )


def checksum_of(packed: bytes) -> str:
    """BLAKE2b-128, in hex."""
    return blake2b(packed, digest_size=16).hexdigest()


def _kept(event: Event) -> Event:
    if type(event) is Usage and event.upstream_latency_ms is not None:
        return msgspec.structs.replace(event, upstream_latency_ms=None)
    return event


def usage_of(events: Sequence[Event]) -> Usage | None:
    """The tokens that the answer took when it was made; None where the model did not tell."""
    return next((event for event in events if type(event) is Usage), None)

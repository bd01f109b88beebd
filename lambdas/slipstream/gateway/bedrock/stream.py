"""Events → ConverseStream's frames.

Heartbeats travel as an event of type ``heartbeat``: botocore drops event types that its model does not have, and the
other SDKs hand them out as their unknown variant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from slipstream import eventstream
from slipstream.chat.events import (
    Event,
    Failed,
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
from slipstream.errors import SlipstreamError, StreamCut
from slipstream.gateway.bedrock.reply import metadata
from slipstream.telemetry.waterfall import Waterfall

_MODELED = frozenset(
    ("ThrottlingException", "ModelStreamErrorException", "InternalServerException", "ServiceUnavailableException",
     "ValidationException")
)  # fmt: skip
_NEAREST = {"ModelTimeoutException": "ModelStreamErrorException", "ModelErrorException": "ModelStreamErrorException"}
_DELTA = eventstream.event_headers("contentBlockDelta")
_START = eventstream.event_headers("contentBlockStart")
_STOP = eventstream.event_headers("contentBlockStop")
_MESSAGE_STOP = eventstream.event_headers("messageStop")
_METADATA = eventstream.event_headers("metadata")
_HEARTBEAT = eventstream.event("heartbeat", b"{}")
_STARTED = eventstream.event("messageStart", b'{"role":"assistant"}')
_encode = msgspec.json.Encoder().encode
_frame = eventstream.frame


class Answering(Protocol):
    """What a wire needs of the pipeline's Answer."""

    events: Iterator[Event]
    waterfall: Waterfall

    def report(self) -> dict[str, Any]:
        """The reply's ``slipstream`` object; whole when the events are exhausted."""
        ...


def stream(answer: Answering) -> Iterator[bytes]:
    """Yield one frame (or a few that belong together) an event; ends with ``metadata`` or with an exception frame."""
    block = -1  # the content block that is open; -1: none
    usage: Usage | None = None
    ended = False
    for event in answer.events:
        kind = type(event)
        if kind is TextDelta and event.block == block:  # type: ignore[union-attr]
            text = _encode(event.text)  # type: ignore[union-attr]
            yield _frame(_DELTA, b'{"contentBlockIndex":%d,"delta":{"text":%b}}' % (block, text))
        elif isinstance(event, Started):
            yield _STARTED
        elif isinstance(event, Heartbeat):
            yield _HEARTBEAT
        elif isinstance(event, Usage):
            usage = event
        elif isinstance(event, Failed):
            yield exception(event.error)
            return
        elif isinstance(event, Stopped):
            yield _close(block) + _frame(_MESSAGE_STOP, _stopped(event))
            block, ended = -1, True
        else:
            frames = b""
            if event.block != block:
                frames, block = _close(block), event.block
            yield frames + _block_frames(event)
    if not ended:
        yield exception(StreamCut("the model's answer broke off before its end; send the request again"))
        return
    yield _frame(_METADATA, _encode(metadata(usage, answer.waterfall) | {"slipstream": answer.report()}))


def _close(block: int) -> bytes:
    return _frame(_STOP, b'{"contentBlockIndex":%d}' % block) if block >= 0 else b""


def _stopped(event: Stopped) -> bytes:
    payload: dict[str, Any] = {"stopReason": event.reason}
    if event.extra is not None:
        payload["additionalModelResponseFields"] = event.extra
    return _encode(payload)


def _block_frames(event: TextDelta | ReasoningDelta | ToolCallStarted | ToolCallDelta | OtherDelta) -> bytes:
    if isinstance(event, TextDelta):
        return _delta(event.block, {"text": event.text})
    if isinstance(event, ToolCallDelta):
        return _delta(event.block, {"toolUse": {"input": event.arguments}})
    if isinstance(event, ToolCallStarted):
        return _start(event.block, {"toolUse": {"toolUseId": event.id, "name": event.name}})
    if isinstance(event, OtherDelta):
        return (_start if event.start else _delta)(event.block, {event.kind: event.value})
    pieces = (("text", event.text or None), ("signature", event.signature), ("redactedContent", event.redacted))
    return b"".join(
        _delta(event.block, {"reasoningContent": {name: value}}) for name, value in pieces if value is not None
    )


def _delta(block: int, delta: dict[str, Any]) -> bytes:
    return _frame(_DELTA, _encode({"contentBlockIndex": block, "delta": delta}))


def _start(block: int, start: dict[str, Any]) -> bytes:
    return _frame(_START, _encode({"contentBlockIndex": block, "start": start}))


def exception(error: SlipstreamError) -> bytes:
    """The frame that ends a broken stream: boto3 raises EventStreamError from it."""
    name = _NEAREST.get(error.bedrock_type, error.bedrock_type)
    if name not in _MODELED:
        name = "InternalServerException"
    payload: dict[str, Any] = {"message": error.message}
    if name == "ModelStreamErrorException":
        payload |= {"originalStatusCode": error.http_status, "originalMessage": error.message}
    return eventstream.exception(name[0].lower() + name[1:], _encode(payload))

"""ConverseStream's frames → events."""

from __future__ import annotations

from typing import Any

import msgspec

from slipstream.aws.service_errors import from_exception
from slipstream.chat.events import (
    Event,
    OtherDelta,
    ReasoningDelta,
    Started,
    Stopped,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from slipstream.errors import SlipstreamError
from slipstream.eventstream import BadFrame, Decoder, Message


class _ToolInput(msgspec.Struct):
    input: str = ""


class _Reasoning(msgspec.Struct):
    text: str = ""
    signature: str | None = None
    redactedContent: str | None = None  # noqa: N815 (Bedrock's name)


class _Delta(msgspec.Struct):
    text: str | None = None
    toolUse: _ToolInput | None = None  # noqa: N815 (Bedrock's name)
    reasoningContent: _Reasoning | None = None  # noqa: N815 (Bedrock's name)


class _BlockDelta(msgspec.Struct):
    delta: _Delta
    contentBlockIndex: int = 0  # noqa: N815 (Bedrock's name)


_decode_delta = msgspec.json.Decoder(_BlockDelta).decode
_decode_any = msgspec.json.Decoder().decode


class ConverseReader:
    """Feed it bytes, get events. Raises a SlipstreamError where the stream holds one or is damaged."""

    __slots__ = ("_decoder", "complete")

    def __init__(self) -> None:
        self._decoder = Decoder()
        self.complete = False
        """Whether the model has said that it stopped: without it an end of the stream is a cut."""

    def feed(self, data: bytes, out: list[Event]) -> None:
        """Append the events in ``data``. On an error, ``out`` keeps what came before it."""
        for message in self._decoder.feed(data):
            try:
                event = self._event(message)
            except (msgspec.MsgspecError, KeyError, TypeError, AttributeError, UnicodeDecodeError):
                raise BadFrame("an event of the model's stream cannot be understood") from None
            if event is not None:
                out.append(event)
        if self._decoder.failure is not None:
            raise self._decoder.failure

    def finish(self, out: list[Event]) -> None:
        """The bytes have ended."""
        del out
        if not self._decoder.idle:
            self.complete = False

    def _event(self, message: Message) -> Event | None:
        headers = message.headers
        kind = headers.get(":event-type")
        if kind == "contentBlockDelta":
            return _delta(message.payload)
        if kind is None:
            raise _error(message)
        if kind == "contentBlockStart":
            return _start(_decode_any(message.payload))
        if kind == "messageStart":
            return Started(_decode_any(message.payload).get("role", "assistant"))
        if kind == "messageStop":
            self.complete = True
            fields = _decode_any(message.payload)
            return Stopped(fields["stopReason"], fields.get("additionalModelResponseFields"))
        if kind == "metadata":
            return usage_of(_decode_any(message.payload))
        return None  # contentBlockStop, and what Bedrock may add


def _delta(payload: bytes) -> Event | None:
    event = _decode_delta(payload)
    delta = event.delta
    if delta.text is not None:
        return TextDelta(delta.text, event.contentBlockIndex)
    if delta.toolUse is not None:
        return ToolCallDelta(event.contentBlockIndex, delta.toolUse.input)
    if delta.reasoningContent is not None:
        piece = delta.reasoningContent
        return ReasoningDelta(piece.text, event.contentBlockIndex, piece.signature, piece.redactedContent)
    for kind, value in _decode_any(payload)["delta"].items():
        return OtherDelta(event.contentBlockIndex, kind, value)
    return None


def _start(fields: dict[str, Any]) -> Event | None:
    block = fields.get("contentBlockIndex", 0)
    for kind, value in fields["start"].items():
        if kind == "toolUse":
            return ToolCallStarted(block, value["toolUseId"], value["name"])
        return OtherDelta(block, kind, value, start=True)
    return None


def usage_of(fields: dict[str, Any]) -> Usage:
    """Converse's metadata (``usage``, ``metrics``, echoes) as one event."""
    usage = fields.get("usage") or {}
    return Usage(
        input_tokens=usage.get("inputTokens", 0),
        output_tokens=usage.get("outputTokens", 0),
        cache_read_tokens=usage.get("cacheReadInputTokens") or 0,
        cache_write_tokens=usage.get("cacheWriteInputTokens") or 0,
        upstream_latency_ms=(fields.get("metrics") or {}).get("latencyMs"),
        service_tier=(fields.get("serviceTier") or {}).get("type"),
        latency=(fields.get("performanceConfig") or {}).get("latency"),
        trace=fields.get("trace"),
        cache_details=usage.get("cacheDetails"),
    )


def _error(message: Message) -> SlipstreamError:
    headers = message.headers
    name = headers.get(":exception-type")
    if name is not None:
        fields = _decode_any(message.payload) if message.payload else {}
        text = fields.get("message") or fields.get("Message") or fields.get("originalMessage") or str(name)
        return from_exception(str(name), str(text))
    return from_exception(
        str(headers.get(":error-code", "")), str(headers.get(":error-message") or "the stream failed")
    )

"""The Responses endpoint's server-sent events → events."""

from __future__ import annotations

from typing import Any

import msgspec

from slipstream.aws.responses import param_of
from slipstream.aws.service_errors import from_exception
from slipstream.chat.events import (
    Event,
    ReasoningDelta,
    Started,
    Stopped,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from slipstream.errors import InvalidRequest, SlipstreamError, StreamCut, UpstreamInternal

MAX_EVENT_BYTES = 16 * 1024 * 1024


class _Item(msgspec.Struct):
    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    encrypted_content: str | None = None


class _SseEvent(msgspec.Struct):
    """The fields that matter of every kind of event."""

    type: str = ""
    delta: str = ""
    output_index: int = 0
    summary_index: int = 0
    item: _Item | None = None
    response: msgspec.Raw = msgspec.Raw(b"")
    code: str | None = None
    message: str | None = None
    param: str | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_SseEvent).decode
_decode_any = msgspec.json.Decoder().decode
_TEXT = frozenset({"response.output_text.delta", "response.refusal.delta"})
_REASONING = frozenset({"response.reasoning_summary_text.delta", "response.reasoning_text.delta"})
_INCOMPLETE = {"max_output_tokens": "max_tokens", "content_filter": "content_filtered"}


class ResponsesReader:
    """Feed it bytes, get events. Raises a SlipstreamError where the stream holds one or is damaged.

    The answer has begun with its first piece, not with ``response.created``, which the endpoint sends as soon as it
    has taken the request: what fails between the two can still be told with its own status, or be tried again.
    Output items become blocks 0, 1, … in the order in which they show something: thinking may stay unseen.
    """

    __slots__ = ("_blocks", "_buffer", "_called", "_refused", "complete")

    def __init__(self) -> None:
        self._buffer = b""
        self._blocks: dict[int, int] = {}
        self._called = self._refused = False
        self.complete = False
        """Whether the model has said that it stopped: without it an end of the stream is a cut."""

    def feed(self, data: bytes, out: list[Event]) -> None:
        """Append the events in ``data``. On an error, ``out`` keeps what came before it."""
        if self._buffer:
            data = self._buffer + data
        if b"\r" in data:
            keep = data[-1:] if data.endswith(b"\r") else b""  # its line feed may come later
            data = data[: len(data) - len(keep)].replace(b"\r\n", b"\n").replace(b"\r", b"\n") + keep
        at = 0
        while (end := data.find(b"\n\n", at)) >= 0:
            block, at = data[at:end], end + 2
            self._block(block, out)
        self._buffer = data[at:]
        if len(self._buffer) > MAX_EVENT_BYTES:
            raise StreamCut("an event of the model's stream does not end")

    def finish(self, out: list[Event]) -> None:
        """The bytes have ended; a last event needs no empty line."""
        block, self._buffer = self._buffer, b""
        if block.strip():
            self._block(block.replace(b"\r", b""), out)

    def _block(self, block: bytes, out: list[Event]) -> None:
        lines = block.split(b"\n")
        data = b"\n".join([line[6:] if line[5:6] == b" " else line[5:] for line in lines if line.startswith(b"data:")])
        if not data or data == b"[DONE]":
            return
        try:
            event = _decode(data)
            self._take(event, out)
        except (msgspec.MsgspecError, TypeError, AttributeError, KeyError, UnicodeDecodeError):
            raise StreamCut("an event of the model's stream cannot be understood", code="bad_event_stream") from None

    def _take(self, event: _SseEvent, out: list[Event]) -> None:
        kind = event.type
        if kind in _TEXT:
            self._refused = self._refused or kind == "response.refusal.delta"
            out.append(TextDelta(event.delta, self._block_of(event, out)))
        elif kind == "response.function_call_arguments.delta":
            out.append(ToolCallDelta(self._block_of(event, out), event.delta))
        elif kind in _REASONING:
            out.append(ReasoningDelta(event.delta, self._block_of(event, out)))
        elif kind == "response.reasoning_summary_part.added":
            if event.summary_index > 0:
                out.append(ReasoningDelta("\n\n", self._block_of(event, out)))
        elif kind == "response.output_item.added" and event.item is not None:
            if event.item.type == "function_call":
                self._called = True
                name, call_id = event.item.name or "", event.item.call_id or event.item.id or ""
                out.append(ToolCallStarted(self._block_of(event, out), call_id, name))
        elif kind == "response.output_item.done" and event.item is not None:
            if event.item.type == "reasoning" and event.item.encrypted_content:
                signature = event.item.encrypted_content
                out.append(ReasoningDelta(block=self._block_of(event, out), signature=signature))
        elif kind in ("response.completed", "response.incomplete"):
            self._stop(_decode_any(event.response), out)
        elif kind in ("response.failed", "error"):
            raise _failure(event)

    def _block_of(self, event: _SseEvent, out: list[Event]) -> int:
        block = self._blocks.get(event.output_index)
        if block is None:
            if not self._blocks:
                out.append(Started())
            block = self._blocks[event.output_index] = len(self._blocks)
        return block

    def _stop(self, response: dict[str, Any], out: list[Event]) -> None:
        self.complete = True
        if not self._blocks:
            out.append(Started())
        reason = (response.get("incomplete_details") or {}).get("reason")
        if reason is not None:
            stopped = _INCOMPLETE.get(reason, "max_tokens")
        elif self._called:
            stopped = "tool_use"
        else:
            stopped = "content_filtered" if self._refused else "end_turn"
        out.append(Stopped(stopped))
        if response.get("usage"):
            out.append(_usage(response))


def _usage(response: dict[str, Any]) -> Usage:
    usage = response["usage"]
    cached = (usage.get("input_tokens_details") or {}).get("cached_tokens") or 0
    return Usage(
        input_tokens=usage.get("input_tokens", 0) - cached,  # here the total includes what was read from the cache
        output_tokens=usage.get("output_tokens", 0),
        cache_read_tokens=cached,
        reasoning_tokens=(usage.get("output_tokens_details") or {}).get("reasoning_tokens") or 0,
        service_tier=response.get("service_tier"),
    )


def _failure(event: _SseEvent) -> SlipstreamError:
    error = event.error
    if bytes(event.response):
        error = _decode_any(event.response).get("error")
    told = {"code": event.code, "message": event.message, "param": event.param}
    fields = error if isinstance(error, dict) else told
    message = str(fields.get("message") or "the model service failed")
    code = str(fields.get("code") or fields.get("type") or "")
    if code in ("", "server_error"):
        return UpstreamInternal(message)
    invalid = "invalid" in code or "unsupported" in code or bool(fields.get("param"))
    failure = from_exception(code, message, status=429 if "rate_limit" in code else 400 if invalid else None)
    if isinstance(failure, InvalidRequest) and fields.get("param"):
        failure.param = param_of(str(fields["param"]))
    return failure

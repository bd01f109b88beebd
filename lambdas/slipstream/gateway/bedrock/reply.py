"""Events → Converse's reply, in one piece."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from slipstream.chat.events import (
    Event,
    Failed,
    OtherDelta,
    ReasoningDelta,
    Stopped,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)  # fmt: skip
from slipstream.errors import StreamCut
from slipstream.telemetry.waterfall import Waterfall

if TYPE_CHECKING:
    from slipstream.gateway.bedrock.stream import Answering


class _Block:
    """One content block while its pieces come in."""

    def __init__(self) -> None:
        self.start: tuple[str, dict[str, Any]] | None = None
        self.text: list[str] = []
        self.arguments: list[str] = []
        self.reasoning: list[str] | None = None
        self.signature: str | None = None
        self.redacted: str | None = None
        self.deltas: list[tuple[str, Any]] = []

    def add(self, event: TextDelta | ReasoningDelta | ToolCallStarted | ToolCallDelta | OtherDelta) -> None:
        if isinstance(event, TextDelta):
            self.text.append(event.text)
        elif isinstance(event, ToolCallDelta):
            self.arguments.append(event.arguments)
        elif isinstance(event, ToolCallStarted):
            self.start = ("toolUse", {"toolUseId": event.id, "name": event.name})
        elif isinstance(event, ReasoningDelta):
            self.reasoning = [*(self.reasoning or ()), event.text]
            self.signature = event.signature or self.signature
            self.redacted = event.redacted or self.redacted
        elif event.start:
            self.start = (event.kind, dict(event.value))
        else:
            self.deltas.append((event.kind, event.value))

    def content(self) -> dict[str, Any]:
        """The block as Converse's ``message.content`` has it."""
        if self.reasoning is not None:
            return {"reasoningContent": self._reasoning()}
        if self.start is None:
            return self._plain()
        kind, value = self.start
        if kind == "toolUse":
            return {kind: value | {"input": _arguments("".join(self.arguments))}}
        if kind == "toolResult":
            return {kind: value | {"content": [piece for _, pieces in self.deltas for piece in pieces]}}
        for _, delta in self.deltas:
            value |= delta
        return {kind: value}

    def _plain(self) -> dict[str, Any]:
        text = "".join(self.text)
        citations = [value for kind, value in self.deltas if kind == "citation"]
        if citations:
            return {"citationsContent": {"content": [{"text": text}], "citations": citations}}
        if self.deltas and not self.text:
            return {self.deltas[0][0]: self.deltas[0][1]}
        return {"text": text}

    def _reasoning(self) -> dict[str, Any]:
        if self.redacted is not None:
            return {"redactedContent": self.redacted}
        reasoning = {"text": "".join(self.reasoning or ())}
        return {"reasoningText": reasoning if self.signature is None else reasoning | {"signature": self.signature}}


def _arguments(text: str) -> Any:
    """The tool's input; text that is not JSON (cut at max_tokens) is handed on as a string rather than lost."""
    if not text:
        return {}
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return text


def _collect(events: Iterable[Event]) -> tuple[dict[int, _Block], Stopped, Usage | None]:
    blocks: dict[int, _Block] = {}
    stopped: Stopped | None = None
    usage: Usage | None = None
    for event in events:
        if isinstance(event, Failed):
            raise event.error
        if isinstance(event, Stopped):
            stopped = event
        elif isinstance(event, Usage):
            usage = event
        elif isinstance(event, TextDelta | ReasoningDelta | ToolCallStarted | ToolCallDelta | OtherDelta):
            blocks.setdefault(event.block, _Block()).add(event)
    if stopped is None:
        raise StreamCut("the model's answer broke off before its end; send the request again")
    return blocks, stopped, usage


def complete(answer: Answering) -> bytes:
    """Read the whole answer and encode Converse's reply. Raises what a Failed event carries, or StreamCut."""
    blocks, stopped, usage = _collect(answer.events)
    content = [blocks[index].content() for index in sorted(blocks)]
    reply: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stopped.reason,
        **metadata(usage, answer.waterfall),
    }
    if stopped.extra is not None:
        reply["additionalModelResponseFields"] = stopped.extra
    return msgspec.json.encode(reply)


def metadata(usage: Usage | None, waterfall: Waterfall) -> dict[str, Any]:
    """``usage``, ``metrics`` and what the model said of tier, latency and trace.

    ``usage`` is required by Bedrock's model: a model that does not tell counts as zero. ``totalTokens`` is the sum of
    input, cache reads, cache writes and output, as Bedrock counts it.
    """
    told = usage or Usage()
    out: dict[str, Any] = {
        "usage": {
            "inputTokens": told.input_tokens,
            "outputTokens": told.output_tokens,
            "totalTokens": told.input_tokens + told.cache_read_tokens + told.cache_write_tokens + told.output_tokens,
            "cacheReadInputTokens": told.cache_read_tokens,
            "cacheWriteInputTokens": told.cache_write_tokens,
        },
        "metrics": {
            "latencyMs": round(waterfall.now_ms()) if told.upstream_latency_ms is None else told.upstream_latency_ms
        },
    }
    if told.cache_details is not None:
        out["usage"]["cacheDetails"] = told.cache_details
    if told.trace is not None:
        out["trace"] = told.trace
    if told.latency is not None:
        out["performanceConfig"] = {"latency": told.latency}
    if told.service_tier is not None:
        out["serviceTier"] = {"type": told.service_tier}
    return out

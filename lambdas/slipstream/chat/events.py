"""What flows between a model, a cache, a stage and a wire: an answer is an ``Iterator[Event]``.

``Started`` comes once and first, then deltas by block in ascending order, then ``Stopped``, then ``Usage``
(which may be missing when a model does not tell). ``Failed`` ends a stream that has begun; before ``Started`` an
error is raised instead. ``Heartbeat`` may stand anywhere and means only that time has passed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from slipstream.errors import SlipstreamError


class Started(msgspec.Struct, frozen=True):
    """The model has begun to answer."""

    role: str = "assistant"


class TextDelta(msgspec.Struct, frozen=True):
    """A piece of visible text of content block ``block`` (0, 1, …)."""

    text: str
    block: int = 0


class ReasoningDelta(msgspec.Struct, frozen=True):
    """A piece of the model's reasoning: text, or its signature, or redacted bytes (base64)."""

    text: str = ""
    block: int = 0
    signature: str | None = None
    redacted: str | None = None


class ToolCallStarted(msgspec.Struct, frozen=True):
    """Content block ``block`` is a call of tool ``name``."""

    block: int
    id: str
    name: str


class ToolCallDelta(msgspec.Struct, frozen=True):
    """A piece of the tool call's arguments: a fragment of JSON text."""

    block: int
    arguments: str


class OtherDelta(msgspec.Struct, frozen=True):
    """A delta that only Bedrock's own wire knows (citations, images): handed on as it came.

    ``kind`` is the key inside Bedrock's ``delta`` (or ``start``) object, ``start`` says which of the two it was.
    """

    block: int
    kind: str
    value: Any
    start: bool = False


class Stopped(msgspec.Struct, frozen=True):
    """The answer is complete (or ended for the reason given). ``extra`` is ``additionalModelResponseFields``."""

    reason: str
    """Converse's word for it: end_turn, tool_use, max_tokens, stop_sequence, guardrail_intervened, content_filtered,
    malformed_model_output, malformed_tool_use, model_context_window_exceeded, or one that is newer."""
    extra: Any = None


class Usage(msgspec.Struct, frozen=True):
    """Tokens as the model bills them. Total input = input + cache_read + cache_write."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    upstream_latency_ms: int | None = None
    service_tier: str | None = None
    """Tier that was really used, where the model says."""
    latency: str | None = None
    """``performanceConfig.latency`` that was really used, where the model says."""
    trace: Any = None
    """Bedrock's guardrail or router trace, handed on as it came."""
    cache_details: Any = None


class Failed(msgspec.Struct, frozen=True):
    """The stream broke off after it had begun. Nothing follows."""

    error: SlipstreamError


class Heartbeat(msgspec.Struct, frozen=True):
    """Nothing new for a while; wires keep the line open with it."""


Event = (
    Started | TextDelta | ReasoningDelta | ToolCallStarted | ToolCallDelta | OtherDelta | Stopped | Usage | Failed
    | Heartbeat
)  # fmt: skip

"""Converse's request as Bedrock models it (bedrock-runtime, 2023-09-30), for decoding with full checking.

What the core interprets is typed here to the leaf; what it only hands on (guardrails, citations, S3 places) is typed to
the object, so that a field which Bedrock adds there tomorrow passes. A union is an object with exactly one member.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Json = dict[str, Any]
Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]
NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]


class Shape(msgspec.Struct, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """Base: camelCase on the wire, unknown members refused, null means absent."""


class MediaSource(Shape):
    """Where the bytes are: here (base64) or in S3."""

    bytes: NonEmpty | None = None
    s3_location: Json | None = None


class ImageBlock(Shape):
    """``image``."""

    format: Literal["png", "jpeg", "gif", "webp"]
    source: MediaSource
    error: Json | None = None


class MediaBlock(Shape):
    """``video`` and ``audio``."""

    format: str
    source: MediaSource
    error: Json | None = None


class DocumentSource(MediaSource):
    """A document may also be given as text or as content blocks."""

    text: str | None = None
    content: list[Json] | None = None


class DocumentBlock(Shape):
    """``document``."""

    name: NonEmpty
    source: DocumentSource
    format: Literal["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"] | None = None
    context: str | None = None
    citations: Json | None = None


class ToolUseBlock(Shape):
    """``toolUse``."""

    tool_use_id: NonEmpty
    name: NonEmpty
    input: Any
    type: str | None = None


class ToolResultContent(Shape):
    """One piece of a tool's result; union."""

    text: str | None = None
    json: Any = msgspec.UNSET
    image: ImageBlock | None = None
    document: DocumentBlock | None = None
    video: MediaBlock | None = None
    search_result: Json | None = None


class ToolResultBlock(Shape):
    """``toolResult``."""

    tool_use_id: NonEmpty
    content: list[ToolResultContent]
    status: Literal["success", "error"] | None = None
    type: str | None = None


class CachePointBlock(Shape):
    """``cachePoint``."""

    type: Literal["default"]
    ttl: Literal["5m", "1h"] | None = None


class ReasoningText(Shape):
    """``reasoningText``."""

    text: str
    signature: str | None = None


class ReasoningBlock(Shape):
    """``reasoningContent``; union."""

    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class ContentBlock(Shape):
    """One block of a message; union."""

    text: str | None = None
    image: ImageBlock | None = None
    document: DocumentBlock | None = None
    video: MediaBlock | None = None
    audio: MediaBlock | None = None
    tool_use: ToolUseBlock | None = None
    tool_result: ToolResultBlock | None = None
    guard_content: Json | None = None
    cache_point: CachePointBlock | None = None
    reasoning_content: ReasoningBlock | None = None
    citations_content: Json | None = None
    search_result: Json | None = None
    tool_addition: Json | None = None
    tool_removal: Json | None = None


class MessageShape(Shape):
    """One turn."""

    role: Literal["user", "assistant", "system"]
    content: list[ContentBlock]


class SystemBlock(Shape):
    """One block of the system prompt; union."""

    text: NonEmpty | None = None
    guard_content: Json | None = None
    cache_point: CachePointBlock | None = None


class InferenceConfig(Shape):
    """``inferenceConfig``."""

    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] | None = None
    temperature: Unit | None = None
    top_p: Unit | None = None
    stop_sequences: Annotated[list[NonEmpty], msgspec.Meta(max_length=2500)] | None = None


class InputSchema(Shape):
    """``inputSchema``; a union of one."""

    json: Any


class ToolSpec(Shape):
    """``toolSpec``."""

    name: NonEmpty
    input_schema: InputSchema
    description: NonEmpty | None = None
    strict: bool | None = None


class Named(Shape):
    """``systemTool`` and the tool choice ``tool``."""

    name: NonEmpty


class ToolShape(Shape):
    """One entry of ``toolConfig.tools``; union."""

    tool_spec: ToolSpec | None = None
    system_tool: Named | None = None
    cache_point: CachePointBlock | None = None


class Nothing(Shape):
    """An object without members."""


class ToolChoiceShape(Shape):
    """``toolConfig.toolChoice``; union."""

    auto: Nothing | None = None
    any: Nothing | None = None
    tool: Named | None = None


class ToolConfig(Shape):
    """``toolConfig``."""

    tools: Annotated[list[ToolShape], msgspec.Meta(min_length=1)]
    tool_choice: ToolChoiceShape | None = None


class PerformanceConfig(Shape):
    """``performanceConfig``."""

    latency: Literal["standard", "optimized"] | None = None


class ServiceTier(Shape):
    """``serviceTier``."""

    type: Literal["priority", "default", "flex", "reserved"]


class ConverseBody(Shape):
    """The body of Converse and ConverseStream."""

    messages: list[MessageShape] | None = None
    system: list[SystemBlock] | None = None
    inference_config: InferenceConfig | None = None
    tool_config: ToolConfig | None = None
    guardrail_config: Json | None = None
    additional_model_request_fields: Json | None = None
    prompt_variables: dict[str, Json] | None = None
    additional_model_response_field_paths: Annotated[list[NonEmpty], msgspec.Meta(max_length=10)] | None = None
    request_metadata: Annotated[dict[str, str], msgspec.Meta(min_length=1, max_length=16)] | None = None
    performance_config: PerformanceConfig | None = None
    service_tier: ServiceTier | None = None
    output_config: Json | None = None

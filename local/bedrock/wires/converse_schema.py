"""The Converse request as botocore's service model has it, as far as the local server reads it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class CachePoint(msgspec.Struct):
    """``ttl`` unset means five minutes."""

    type: Literal["default"]
    ttl: Literal["5m", "1h"] | None = None


class ToolUse(msgspec.Struct):
    """An earlier call of a tool."""

    toolUseId: str  # noqa: N815 - the wire's own names
    name: str
    input: Any


class ToolResult(msgspec.Struct):
    """What a tool returned."""

    toolUseId: str  # noqa: N815
    content: list[dict[str, Any]]
    status: Literal["success", "error"] | None = None


class Content(msgspec.Struct):
    """A union: one member is set. Members that are not listed count by their size."""

    text: str | None = None
    image: dict[str, Any] | None = None
    document: dict[str, Any] | None = None
    video: dict[str, Any] | None = None
    audio: dict[str, Any] | None = None
    toolUse: ToolUse | None = None  # noqa: N815
    toolResult: ToolResult | None = None  # noqa: N815
    guardContent: dict[str, Any] | None = None  # noqa: N815
    reasoningContent: dict[str, Any] | None = None  # noqa: N815
    citationsContent: dict[str, Any] | None = None  # noqa: N815
    searchResult: dict[str, Any] | None = None  # noqa: N815
    cachePoint: CachePoint | None = None  # noqa: N815


class Message(msgspec.Struct):
    """One turn."""

    role: Literal["user", "assistant"]
    content: list[Content]


class InputSchema(msgspec.Struct):
    """A union with one member."""

    json: dict[str, Any]


class ToolSpec(msgspec.Struct):
    """A tool's name and input."""

    name: str
    inputSchema: InputSchema  # noqa: N815
    description: str = ""
    strict: bool | None = None


class ToolEntry(msgspec.Struct):
    """A tool or a cache point among the tools."""

    toolSpec: ToolSpec | None = None  # noqa: N815
    cachePoint: CachePoint | None = None  # noqa: N815
    systemTool: dict[str, Any] | None = None  # noqa: N815


class ToolConfig(msgspec.Struct):
    """``toolChoice`` is a union of auto, any and tool."""

    tools: list[ToolEntry]
    toolChoice: dict[str, dict[str, Any]] | None = None  # noqa: N815


class InferenceConfig(msgspec.Struct):
    """Parameters that all models share."""

    maxTokens: int | None = None  # noqa: N815
    temperature: float | None = None
    topP: float | None = None  # noqa: N815
    stopSequences: list[str] = []  # noqa: N815


class Performance(msgspec.Struct):
    """``performanceConfig``."""

    latency: Literal["standard", "optimized"] = "standard"


class Tier(msgspec.Struct):
    """``serviceTier``."""

    type: Literal["priority", "default", "flex", "reserved"]


class JsonSchema(msgspec.Struct):
    """``schema`` is JSON text."""

    schema: str
    name: str | None = None
    description: str | None = None


class Structure(msgspec.Struct):
    """A union with one member."""

    jsonSchema: JsonSchema  # noqa: N815


class TextFormat(msgspec.Struct):
    """Structured output."""

    type: Literal["json_schema"]
    structure: Structure


class OutputConfig(msgspec.Struct):
    """``outputConfig``."""

    textFormat: TextFormat | None = None  # noqa: N815
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None


class ConverseRequest(msgspec.Struct):
    """The body of Converse, ConverseStream and CountTokens' ``converse``."""

    messages: list[Message] = []
    system: list[Content] = []
    inferenceConfig: InferenceConfig = msgspec.field(default_factory=InferenceConfig)  # noqa: N815
    toolConfig: ToolConfig | None = None  # noqa: N815
    additionalModelRequestFields: dict[str, Any] | None = None  # noqa: N815
    performanceConfig: Performance | None = None  # noqa: N815
    serviceTier: Tier | None = None  # noqa: N815
    outputConfig: OutputConfig | None = None  # noqa: N815
    requestMetadata: dict[str, str] | None = None  # noqa: N815

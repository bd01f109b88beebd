"""What a Chat Completions request may look like. Types only: what is refused for its value is in ``parameters``.

Every struct refuses unknown fields, so that a misspelt parameter is told and never silently without effect.
Annotations are objects here, not text (no ``from __future__ import annotations``): building the decoder then takes a
third of the time, and it is built during a cold start.
"""

from typing import Any, Literal

import msgspec

from slipstream.chat.request import Options


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """A JSON object that has the fields named here and no others."""


class Breakpoint(Strict):
    """OpenAI's marker for the end of a prefix that is to be cached."""

    mode: Literal["explicit"]
    ttl: Literal["30m", "12h"] | None = None


class CacheControl(Strict):
    """Anthropic's marker for the same, which LiteLLM and OpenRouter send on this wire."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class TextPart(Strict, tag_field="type", tag="text"):
    """Text."""

    text: str
    prompt_cache_breakpoint: Breakpoint | None = None
    cache_control: CacheControl | None = None


class ImageUrl(Strict):
    """A data URL; ``detail`` has no counterpart in Bedrock."""

    url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


class ImagePart(Strict, tag_field="type", tag="image_url"):
    """An image."""

    image_url: ImageUrl
    prompt_cache_breakpoint: Breakpoint | None = None
    cache_control: CacheControl | None = None


class RefusalPart(Strict, tag_field="type", tag="refusal"):
    """An earlier refusal of the assistant."""

    refusal: str


class FunctionCall(Strict):
    """``arguments`` is a JSON object as text."""

    name: str
    arguments: str


class ToolCall(Strict):
    """An earlier call. ``index`` is what clients leave in that add up a stream themselves."""

    id: str
    function: FunctionCall
    type: Literal["function"] = "function"
    index: int | None = None


class ReasoningText(Strict, tag_field="type", tag="reasoning.text"):
    """A whole block of earlier reasoning, as this wire gave it out."""

    text: str = ""
    signature: str | None = None
    index: int | None = None


class ReasoningEncrypted(Strict, tag_field="type", tag="reasoning.encrypted"):
    """Reasoning that the model's maker hides: base64."""

    data: str
    index: int | None = None


class SystemMessage(Strict, tag_field="role", tag="system"):
    """Instructions."""

    content: str | list[TextPart]
    name: str | None = None


class DeveloperMessage(Strict, tag_field="role", tag="developer"):
    """Instructions, under the role's newer name."""

    content: str | list[TextPart]
    name: str | None = None


class UserMessage(Strict, tag_field="role", tag="user"):
    """A turn of the user."""

    content: str | list[TextPart | ImagePart]
    name: str | None = None


class AssistantMessage(Strict, tag_field="role", tag="assistant"):
    """An earlier turn of the model, with what SDKs leave in when they send back a whole message."""

    content: str | list[TextPart | RefusalPart] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    name: str | None = None
    reasoning_content: str | None = None
    reasoning_details: list[ReasoningText | ReasoningEncrypted] | None = None
    annotations: list[Any] | None = None
    audio: None = None
    function_call: None = None


class ToolMessage(Strict, tag_field="role", tag="tool"):
    """What a tool answered."""

    content: str | list[TextPart | ImagePart]
    tool_call_id: str
    name: str | None = None


AnyMessage = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage


class FunctionDefinition(Strict):
    """``parameters`` is JSON Schema; without it the function takes none."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolDefinition(Strict):
    """A function that the model may call."""

    type: Literal["function"]
    function: FunctionDefinition


class FunctionName(Strict):
    """Which function."""

    name: str


class NamedToolChoice(Strict):
    """The one function that must be called."""

    type: Literal["function"]
    function: FunctionName


class TextFormat(Strict, tag_field="type", tag="text"):
    """Free text, the default."""


class JsonObjectFormat(Strict, tag_field="type", tag="json_object"):
    """Any JSON object."""


class JsonSchema(Strict):
    """``schema`` is JSON Schema."""

    name: str
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class JsonSchemaFormat(Strict, tag_field="type", tag="json_schema"):
    """JSON that follows a schema."""

    json_schema: JsonSchema


class StreamOptions(Strict):
    """``include_obfuscation`` has nothing to switch: no padding is sent."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class PromptCacheOptions(Strict):
    """``explicit``: only the caller's own breakpoints count."""

    mode: Literal["implicit", "explicit"] | None = None
    ttl: Literal["30m"] | None = None


class ChatBody(Strict):
    """``POST /v1/chat/completions``. ``None`` is: not given."""

    model: str
    messages: list[AnyMessage]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    tools: list[ToolDefinition] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: TextFormat | JsonObjectFormat | JsonSchemaFormat | None = None
    service_tier: Literal["auto", "default", "flex", "priority", "fast", "scale", "reserved"] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, Any] | None = None
    prompt_cache_options: PromptCacheOptions | None = None
    slipstream: Options | None = None
    seed: int | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in_memory", "in-memory", "24h"] | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, Any] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    store: bool | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    modalities: list[str] | None = None
    audio: Any = None
    prediction: Any = None
    functions: Any = None
    function_call: Any = None
    web_search_options: Any = None
    moderation: Any = None

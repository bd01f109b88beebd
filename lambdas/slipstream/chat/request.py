"""What a caller asked for, free of any wire: every wire decodes to ``ChatRequest``, every dialect encodes from it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from slipstream.chat.retrieval_options import RetrievalOptions


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Plain text."""

    text: str


class Image(msgspec.Struct, frozen=True, tag="image"):
    """An image: ``format`` is png, jpeg, gif or webp; ``data`` is base64 without line breaks."""

    format: str
    data: str


class ToolUse(msgspec.Struct, frozen=True, tag="tool_use"):
    """An earlier call that the assistant made; ``input`` is the decoded JSON object."""

    id: str
    name: str
    input: Any


class ToolResult(msgspec.Struct, frozen=True, tag="tool_result"):
    """What a tool answered."""

    id: str
    content: list[Text | Image | OtherPart]
    error: bool = False


class Reasoning(msgspec.Struct, frozen=True, tag="reasoning"):
    """Earlier reasoning that the caller hands back, with the model's signature or redacted bytes (base64)."""

    text: str = ""
    signature: str | None = None
    redacted: str | None = None


class CachePoint(msgspec.Struct, frozen=True, tag="cache_point"):
    """The caller's own prompt-cache checkpoint: everything before it is to be cached. ``ttl`` is 5m or 1h."""

    ttl: str | None = None


class OtherPart(msgspec.Struct, frozen=True, tag="other"):
    """A content block that only Bedrock's own wire knows (documents, video, guard content): handed on as it came."""

    kind: str
    value: Any


Part = Text | Image | ToolUse | ToolResult | Reasoning | CachePoint | OtherPart
SystemPart = Text | CachePoint | OtherPart


class Message(msgspec.Struct, frozen=True):
    """One turn; neighbouring turns of one role are already merged by the wire.

    ``system`` (an instruction in mid-conversation) comes from Bedrock's wire only and is handed on to Converse.
    """

    role: Literal["user", "assistant", "system"]
    content: list[Part]


class Tool(msgspec.Struct, frozen=True):
    """A function that the model may call; ``schema`` is JSON Schema of its arguments."""

    name: str
    description: str | None
    schema: Any
    strict: bool | None = None
    system: bool = False
    """One of Bedrock's own tools (``systemTool``): only its name counts."""
    cache_point: CachePoint | None = None
    """The caller's own checkpoint right after this tool."""


class ToolChoice(msgspec.Struct, frozen=True):
    """``auto``, ``any`` (some tool must be called), ``none``, or ``tool`` with ``name``."""

    kind: Literal["auto", "any", "none", "tool"]
    name: str | None = None


class ResponseFormat(msgspec.Struct, frozen=True):
    """Structured output: ``json_object`` (any JSON) or ``json_schema``."""

    kind: Literal["json_object", "json_schema"]
    schema: Any = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class Parameters(msgspec.Struct, frozen=True):
    """Sampling parameters as the caller gave them; ``None`` means: not given."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: list[str] = []
    reasoning_effort: str | None = None


UseCase = Literal["extraction", "classification", "summarization", "creative", "code", "chat"]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Our own options: the body's ``slipstream`` object, or ``x-slipstream-*`` headers (``x-slipstream-use-case``)."""

    use_case: UseCase | None = None
    latency: Literal["standard", "optimized"] | None = None
    cache: Literal["auto", "off", "exact", "semantic", "refresh", "race"] | None = None
    """Kept answers: as the deployment's policy says (``auto``, the default); also where that would not (``exact``,
    ``semantic``); a new one that takes the kept one's place (``refresh``); one or the other, whichever
    comes first (``race``); ``off``: nothing is cached, no answer and
    no prompt beyond the caller's own points."""
    deadline_ms: int | None = None
    """Total time the caller is ready to wait, in ms."""
    max_age_s: int | None = None
    """A kept answer that is older than this is not wanted."""
    prompt_cache: Literal["auto", "off"] | None = None
    """Prompt cache points: placed where they pay (``auto``, the default), or only the caller's own (``off``)."""
    retrieval: RetrievalOptions | None = None
    """How ``rag:`` models search their index; in the body only."""


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One chat call as it was asked."""

    model: str
    messages: list[Message]
    system: list[SystemPart] = []
    tools: list[Tool] = []
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    parameters: Parameters = Parameters()
    response_format: ResponseFormat | None = None
    service_tier: str | None = None
    """priority, default, flex or reserved; ``None``: not asked."""
    metadata: dict[str, str] = {}
    user: str | None = None
    options: Options = Options()
    converse_extras: dict[str, Any] = {}
    """Top-level fields of Converse that the core does not interpret (guardrailConfig, additionalModelRequestFields,
    additionalModelResponseFieldPaths, promptVariables, outputConfig, …): handed on to Converse as they came."""
    stream: bool = False
    include_usage: bool = False
    """The caller asked for token counts in the stream (``stream_options.include_usage``)."""
    tenant: str = "default"
    allowed_models: tuple[str, ...] = ()
    """What the caller's key may use: ids, aliases or globs; empty means all. Checked once the model is resolved."""
    notes: list[str] = []
    """What the wire accepted without effect (``seed``): told in the reply."""

"""Bedrock's Converse request → ChatRequest, without loss: what the core does not interpret is carried along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from slipstream.chat.request import (
    CachePoint,
    ChatRequest,
    Image,
    Message,
    Options,
    OtherPart,
    Parameters,
    Part,
    Reasoning,
    SystemPart,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)  # fmt: skip
from slipstream.errors import InvalidRequest
from slipstream.gateway import nesting
from slipstream.gateway.bedrock import shapes
from slipstream.gateway.bedrock.refusal import refusal
from slipstream.gateway.http import Principal
from slipstream.gateway.options import from_headers

_DECODER = msgspec.json.Decoder(shapes.ConverseBody)
_HANDED_ON = (
    "guardrail_config", "additional_model_request_fields", "additional_model_response_field_paths", "prompt_variables",
    "output_config",
)  # fmt: skip


def decode(model: str, body: bytes, headers: Mapping[str, str], principal: Principal, *, stream: bool) -> ChatRequest:
    """Decode the body of Converse or ConverseStream for ``model`` (the path's id, decoded).

    ``headers`` are lower-case; ours begin with ``x-slipstream-``. Raises InvalidRequest with the field's path.
    """
    options = from_headers(headers)
    try:
        wire = _DECODER.decode(body or b"{}")
        if nesting.may_be_deep(body.count(b"{") + body.count(b"[")):
            for name, value in msgspec.json.decode(body).items():
                nesting.check_depth(value, name)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise refusal(error) from None
    config = wire.inference_config or shapes.InferenceConfig()
    tools, choice = _tools(wire.tool_config)
    return ChatRequest(
        model=model,
        messages=[_message(message, f"messages[{i}]") for i, message in enumerate(wire.messages or ())],
        system=[_system(block, f"system[{i}]") for i, block in enumerate(wire.system or ())],
        tools=tools,
        tool_choice=choice,
        parameters=Parameters(config.max_tokens, config.temperature, config.top_p, stop=config.stop_sequences or []),
        service_tier=wire.service_tier.type if wire.service_tier else None,
        metadata=wire.request_metadata or {},
        options=_with_latency(options, wire.performance_config),
        converse_extras={_camel(name): value for name in _HANDED_ON if (value := getattr(wire, name)) is not None},
        stream=stream,
        tenant=principal.tenant,
        allowed_models=principal.models,
    )


def _camel(name: str) -> str:
    return shapes.ConverseBody.__struct_encode_fields__[shapes.ConverseBody.__struct_fields__.index(name)]


def _member(block: shapes.Shape, path: str) -> tuple[str, Any]:
    """The one member of a union: its wire name and value."""
    present = [
        (wire_name, value)
        for name, wire_name in zip(block.__struct_fields__, block.__struct_encode_fields__, strict=True)
        if (value := getattr(block, name)) is not None and value is not msgspec.UNSET
    ]
    if len(present) == 1:
        return present[0]
    known = ", ".join(block.__struct_encode_fields__)
    found = " and ".join(name for name, _ in present) or "none"
    raise InvalidRequest(
        f"1 validation error detected: Value at '{path}' failed to satisfy constraint: "
        f"Member must have exactly one of {known}, not {found}",
        param=path,
    )


def _message(message: shapes.MessageShape, path: str) -> Message:
    return Message(message.role, [_part(block, f"{path}.content[{i}]") for i, block in enumerate(message.content)])


def _part(block: shapes.ContentBlock, path: str) -> Part:
    kind, value = _member(block, path)
    if kind == "text":
        return Text(value)
    if kind == "toolUse" and value.type is None:
        return ToolUse(value.tool_use_id, value.name, value.input)
    if kind == "toolResult" and value.type is None:
        content = [_result(piece, f"{path}.toolResult.content[{i}]") for i, piece in enumerate(value.content)]
        return ToolResult(value.tool_use_id, content, value.status == "error")
    if kind == "reasoningContent":
        return _reasoning(value, f"{path}.reasoningContent")
    if kind == "cachePoint":
        return CachePoint(value.ttl)
    if kind == "image":
        return _image(value, f"{path}.image")
    return _other(kind, value, path)


def _result(piece: shapes.ToolResultContent, path: str) -> Text | Image | OtherPart:
    kind, value = _member(piece, path)
    if kind == "text":
        return Text(value)
    if kind == "image":
        return _image(value, f"{path}.image")
    return _other(kind, value, path)


def _reasoning(block: shapes.ReasoningBlock, path: str) -> Reasoning:
    kind, value = _member(block, path)
    if kind == "redactedContent":
        return Reasoning(redacted=value)
    return Reasoning(value.text, value.signature)


def _image(image: shapes.ImageBlock, path: str) -> Image | OtherPart:
    kind, value = _member(image.source, f"{path}.source")
    if kind == "bytes" and image.error is None:
        return Image(image.format, value.replace("\n", "").replace("\r", "") if "\n" in value else value)
    return OtherPart("image", msgspec.to_builtins(image))


def _other(kind: str, value: Any, path: str) -> OtherPart:
    if isinstance(value, shapes.DocumentBlock | shapes.MediaBlock):
        _member(value.source, f"{path}.{kind}.source")
    return OtherPart(kind, msgspec.to_builtins(value) if isinstance(value, shapes.Shape) else value)


def _system(block: shapes.SystemBlock, path: str) -> SystemPart:
    kind, value = _member(block, path)
    if kind == "text":
        return Text(value)
    if kind == "cachePoint":
        return CachePoint(value.ttl)
    return OtherPart(kind, value)


def _tools(config: shapes.ToolConfig | None) -> tuple[list[Tool], ToolChoice | None]:
    if config is None:
        return [], None
    tools: list[Tool] = []
    for i, entry in enumerate(config.tools):
        path = f"toolConfig.tools[{i}]"
        kind, value = _member(entry, path)
        if kind == "toolSpec":
            tools.append(Tool(value.name, value.description, value.input_schema.json, value.strict))
        elif kind == "systemTool":
            tools.append(Tool(value.name, None, None, system=True))
        elif tools and tools[-1].cache_point is None:
            tools[-1] = msgspec.structs.replace(tools[-1], cache_point=CachePoint(value.ttl))
        else:
            raise InvalidRequest(f"'{path}.cachePoint' must come after a tool", param=f"{path}.cachePoint")
    if config.tool_choice is None:
        return tools, None
    kind, value = _member(config.tool_choice, "toolConfig.toolChoice")
    return tools, ToolChoice(kind, value.name if kind == "tool" else None)  # type: ignore[arg-type]


def _with_latency(options: Options, performance: shapes.PerformanceConfig | None) -> Options:
    asked = performance.latency if performance else None
    if asked is None:
        return options
    if options.latency not in (None, asked):
        raise InvalidRequest(
            f"'performanceConfig.latency' says {asked}, the header x-slipstream-latency says {options.latency}; "
            "send one of them",
            param="performanceConfig.latency",
        )
    return msgspec.structs.replace(options, latency=asked)

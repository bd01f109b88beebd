"""A resolved call → the JSON of Bedrock's Converse API (shapes: botocore's service model of bedrock-runtime)."""

from __future__ import annotations

from typing import Any

import msgspec

from slipstream.chat.request import (
    CachePoint,
    ChatRequest,
    Image,
    Message,
    Reasoning,
    ResponseFormat,
    Text,
    Tool,
    ToolResult,
    ToolUse,
)
from slipstream.errors import InvalidRequest
from slipstream.models.resolved import CacheMark, ResolvedCall

CALL_NO_TOOLS = "Do not call any tool now: answer in text."
_INFERENCE_FIELDS = {"max_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP", "stop": "stopSequences"}

Json = dict[str, Any]


def encode(call: ResolvedCall) -> bytes:
    """The request's body. Raises InvalidRequest where Converse has no words for what was asked."""
    request = call.request
    body: Json = {"messages": _messages(request.messages, call.cache_points)}
    system = _system(call)
    if system:
        body["system"] = system
    if inference := {ours: call.sent[name] for name, ours in _INFERENCE_FIELDS.items() if call.sent.get(name)
                     is not None and call.sent[name] != []}:  # fmt: skip
        body["inferenceConfig"] = inference
    tools = _tool_config(call)
    if tools:
        body["toolConfig"] = tools
    if call.latency is not None:
        body["performanceConfig"] = {"latency": call.latency}
    if call.service_tier is not None:
        body["serviceTier"] = {"type": call.service_tier}
    if request.metadata:
        body["requestMetadata"] = request.metadata
    _merge(body, request.converse_extras)
    _merge(body, {k: v for k, v in (("additionalModelRequestFields", _additional(call)),
                                    ("outputConfig", _output_config(call))) if v})  # fmt: skip
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"the request cannot be written as JSON: {error}") from None


def _messages(messages: list[Message], marks: list[CacheMark]) -> list[Json]:
    encoded: list[Json] = [{"role": message.role, "content": _contents(message.content)} for message in messages]
    for mark in marks:
        if mark.after == "message":
            _mark(encoded[mark.index]["content"], mark)
    return encoded


def _contents(parts: list[Any]) -> list[Json]:
    # Converse refuses empty text, which other wires send beside tool calls.
    return [_part(part) for part in parts if type(part) is not Text or part.text or len(parts) == 1]


def _part(part: Any) -> Json:
    kind = type(part)
    if kind is Text:
        return {"text": part.text}
    if kind is ToolUse:
        return {"toolUse": {"toolUseId": part.id, "name": part.name, "input": part.input}}
    if kind is ToolResult:
        return {"toolResult": _tool_result(part)}
    if kind is Image:
        return {"image": {"format": part.format, "source": {"bytes": part.data}}}
    if kind is CachePoint:
        return _cache_point(part.ttl)
    if kind is Reasoning:
        return {"reasoningContent": _reasoning(part)}
    return {part.kind: part.value}


def _tool_result(part: ToolResult) -> Json:
    result: Json = {"toolUseId": part.id, "content": _contents(list(part.content))}
    if part.error:
        result["status"] = "error"
    return result


def _reasoning(part: Reasoning) -> Json:
    if part.redacted is not None:
        return {"redactedContent": part.redacted}
    text: Json = {"text": part.text}
    if part.signature is not None:
        text["signature"] = part.signature
    return {"reasoningText": text}


def _cache_point(ttl: str | None) -> Json:
    return {"cachePoint": {"type": "default"} if ttl is None else {"type": "default", "ttl": ttl}}


def _mark(blocks: list[Json], mark: CacheMark) -> None:
    if blocks and "cachePoint" not in blocks[-1]:
        blocks.append(_cache_point(mark.ttl))


def _system(call: ResolvedCall) -> list[Json]:
    request = call.request
    blocks = [_part(part) for part in request.system if type(part) is not Text or part.text]
    for mark in call.cache_points:
        if mark.after == "system":
            _mark(blocks, mark)
    if _may_call_no_tool(request):
        blocks.append({"text": CALL_NO_TOOLS})
    return blocks


def _may_call_no_tool(request: ChatRequest) -> bool:
    """Tools were used earlier, so Converse wants them declared, but none may be called now; it has no such choice."""
    forbidden = not request.tools or (request.tool_choice is not None and request.tool_choice.kind == "none")
    return forbidden and _has_tool_history(request)


def _has_tool_history(request: ChatRequest) -> bool:
    return any(type(part) in (ToolUse, ToolResult) for message in request.messages for part in message.content)


def _tool_config(call: ResolvedCall) -> Json | None:
    request = call.request
    choice = request.tool_choice
    if not request.tools or (choice is not None and choice.kind == "none"):
        if not _has_tool_history(request):
            return None
        choice = None
    tools = [block for tool in request.tools for block in _tool(tool)]
    tools = tools or _tools_of_history(request)
    if not tools:
        return None
    for mark in call.cache_points:
        if mark.after == "tools":
            _mark(tools, mark)
    config: Json = {"tools": tools}
    if choice is not None:
        config["toolChoice"] = {"tool": {"name": choice.name}} if choice.kind == "tool" else {choice.kind: {}}
    return config


def _tool(tool: Tool) -> list[Json]:
    if tool.system:
        block = {"systemTool": {"name": tool.name}}
    else:
        block = _tool_spec(tool.name, tool.description, tool.schema, tool.strict)
    return [block] if tool.cache_point is None else [block, _cache_point(tool.cache_point.ttl)]


def _tool_spec(name: str, description: str | None, schema: Any, strict: bool | None) -> Json:
    spec: Json = {"name": name, "inputSchema": {"json": schema or {"type": "object", "properties": {}}}}
    if description:
        spec["description"] = description
    if strict is not None:
        spec["strict"] = strict
    return {"toolSpec": spec}


def _tools_of_history(request: ChatRequest) -> list[Json]:
    names = {part.name for message in request.messages for part in message.content if type(part) is ToolUse}
    return [_tool_spec(name, None, None, None) for name in sorted(names)]


def _additional(call: ResolvedCall) -> Json:
    fields: Json = {}
    top_k = call.sent.get("top_k")
    if top_k is not None and call.top_k_field:
        _merge(fields, _nested(call.top_k_field, top_k))
    _merge(fields, call.reasoning_fields)
    request = call.request
    if request.parallel_tool_calls is False and request.tools and call.model_id.startswith("anthropic."):
        # Converse has no field for it; Claude reads it here.
        kind = request.tool_choice.kind if request.tool_choice is not None else "auto"
        if kind != "none":
            forced = {"name": request.tool_choice.name} if kind == "tool" and request.tool_choice else {}
            fields["tool_choice"] = {"type": kind, "disable_parallel_tool_use": True, **forced}
    return fields


def _output_config(call: ResolvedCall) -> Json:
    config: Json = {}
    wanted = call.request.response_format
    if wanted is not None and wanted.kind == "json_schema":
        config["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": _json_schema(wanted)}}
    effort = call.sent.get("reasoning_effort")
    if effort is not None and not call.reasoning_fields:
        config["effort"] = effort
    return config


def _json_schema(wanted: ResponseFormat) -> Json:
    # Converse takes the schema as text, not as an object.
    schema: Json = {"schema": msgspec.json.encode(wanted.schema).decode()}
    if wanted.name:
        schema["name"] = wanted.name
    if wanted.description:
        schema["description"] = wanted.description
    return schema


def _nested(path: str, value: Any) -> Json:
    for name in reversed(path.split(".")):
        value = {name: value}
    return value  # type: ignore[no-any-return]


def _merge(into: Json, extra: Json) -> None:
    """Put ``extra`` over ``into``, object by object; neither is shared with the caller's afterwards."""
    for name, value in extra.items():
        mine = into.get(name)
        if isinstance(mine, dict) and isinstance(value, dict):
            merged = dict(mine)
            _merge(merged, value)
            into[name] = merged
        else:
            into[name] = value

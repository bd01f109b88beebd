"""A resolved call → the JSON of the OpenAI-compatible Responses endpoint that Bedrock serves some models through."""

from __future__ import annotations

from typing import Any

import msgspec

from slipstream.chat.request import (
    CachePoint,
    ChatRequest,
    Image,
    Message,
    OtherPart,
    Reasoning,
    Text,
    ToolResult,
    ToolUse,
)
from slipstream.errors import InvalidRequest
from slipstream.models.identifiers import parse_arn
from slipstream.models.resolved import ResolvedCall

Json = dict[str, Any]
_NOT_HERE = {
    "additionalModelResponseFieldPaths": "leave it out",
    "guardrailConfig": "apply the guardrail beside the call (ApplyGuardrail), or choose a model that Converse serves",
    "promptVariables": "write the values into the prompt",
}
_OURS = frozenset({"model", "input", "stream", "store", "background", "conversation", "previous_response_id"})
"""Fields that decide which model is called and what is kept: a caller must not get past its key's rights by them."""


def encode(call: ResolvedCall) -> bytes:
    """The request's body: streamed, nothing stored. Raises InvalidRequest for what only Converse can carry."""
    request = call.request
    for name in sorted(_NOT_HERE.keys() & request.converse_extras.keys()):
        raise InvalidRequest(
            f"{name} is not available for {call.model_id}, which Bedrock serves without Converse: {_NOT_HERE[name]}",
            param=name,
        )
    body: Json = {
        "model": _model(call),
        "input": [item for at, message in enumerate(request.messages) for item in _items(message, at)],
        "stream": True,
        "store": False,
    }
    if instructions := "\n\n".join(_system_texts(request)):
        body["instructions"] = instructions
    _sampling(body, call)
    _tools(body, request)
    if text := _text_format(request):
        body["text"] = {"format": text}
    if call.service_tier is not None:
        body["service_tier"] = call.service_tier
    if request.metadata:
        body["metadata"] = request.metadata
    more: Json = request.converse_extras.get("additionalModelRequestFields") or {}
    for name in sorted((_OURS | body.keys()) & more.keys()):
        raise InvalidRequest(
            f"additionalModelRequestFields may not hold '{name}': the gateway sets it",
            param=f"additionalModelRequestFields.{name}",
        )
    body.update(more)
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"the request cannot be written as JSON: {error}") from None


def _model(call: ResolvedCall) -> str:
    """The endpoint knows plain ids. A foundation model's ARN holds one; a profile's stands for more than its model."""
    if not call.target_id.startswith("arn:"):
        return call.target_id
    arn = parse_arn(call.target_id)
    if arn.kind != "foundation-model":
        raise InvalidRequest(
            f"{call.model_id} is served through an endpoint that takes no inference profiles: name the model itself "
            f"('{call.model_id}', or arn:aws:bedrock:{arn.region}::foundation-model/{call.model_id})",
            param="model",
        )
    return arn.name


def _sampling(body: Json, call: ResolvedCall) -> None:
    sent = call.sent
    for ours, theirs in (("max_tokens", "max_output_tokens"), ("temperature", "temperature"), ("top_p", "top_p")):
        if sent.get(ours) is not None:
            body[theirs] = sent[ours]
    if sent.get("stop"):
        raise InvalidRequest(f"{call.model_id} takes no stop sequences: leave 'stop' out", param="stop")
    if sent.get("reasoning_effort") is not None:
        body["reasoning"] = {"effort": sent["reasoning_effort"], "summary": "auto"}
        # Nothing is stored, so reasoning can come back only in this form.
        body["include"] = ["reasoning.encrypted_content"]


def _system_texts(request: ChatRequest) -> list[str]:
    texts: list[str] = []
    for at, part in enumerate(request.system):
        if type(part) is Text:
            if part.text:
                texts.append(part.text)
        elif type(part) is not CachePoint:  # these models cache by themselves
            raise _unsupported(part, f"system[{at}]")
    return texts


def _items(message: Message, index: int) -> list[Json]:
    """A turn as input items: text and images gather in one message, calls and their results stand alone."""
    items: list[Json] = []
    pending: list[Json] = []

    def flush() -> None:
        if pending:
            items.append({"type": "message", "role": message.role, "content": list(pending)})
            pending.clear()

    for at, part in enumerate(message.content):
        content = _content(part, message.role)
        if content is not None:
            pending.append(content)
            continue
        flush()
        if type(part) is ToolUse:
            arguments = msgspec.json.encode(part.input).decode()
            items.append({"type": "function_call", "call_id": part.id, "name": part.name, "arguments": arguments})
        elif type(part) is ToolResult:
            items.append({"type": "function_call_output", "call_id": part.id, "output": _output(part, index)})
        elif type(part) is Reasoning:
            items += _reasoning(part)
        elif type(part) is not CachePoint and not (type(part) is Text and not part.text):
            raise _unsupported(part, f"messages[{index}].content[{at}]")
    flush()
    return items


def _content(part: Any, role: str) -> Json | None:
    if type(part) is Text and part.text:
        return {"type": "output_text" if role == "assistant" else "input_text", "text": part.text}
    if type(part) is Image:
        return {"type": "input_image", "image_url": f"data:image/{part.format};base64,{part.data}", "detail": "auto"}
    return None


def _output(result: ToolResult, index: int) -> str | list[Json]:
    contents: list[Json] = []
    for part in result.content:
        if type(part) is OtherPart and part.kind == "json":
            contents.append({"type": "input_text", "text": msgspec.json.encode(part.value).decode()})
        elif (content := _content(part, "user")) is not None:
            contents.append(content)
        elif type(part) is not Text:
            raise _unsupported(part, f"messages[{index}].content")
    text = all(content["type"] == "input_text" for content in contents)
    joined = "\n".join(content["text"] for content in contents) if text else ""
    if result.error:
        return f"The tool failed: {joined}"
    return joined if text else contents


def _reasoning(part: Reasoning) -> list[Json]:
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    return [{"type": "reasoning", "summary": summary, "encrypted_content": part.signature}]


def _tools(body: Json, request: ChatRequest) -> None:
    if not request.tools:
        return
    body["tools"] = [
        {
            "type": "function", "name": tool.name, "description": tool.description, "strict": bool(tool.strict),
            "parameters": tool.schema or {"type": "object", "properties": {}},
        }
        for tool in request.tools
    ]  # fmt: skip
    choice = request.tool_choice
    if choice is not None:
        if choice.kind == "tool":
            body["tool_choice"] = {"type": "function", "name": choice.name}
        else:
            body["tool_choice"] = "required" if choice.kind == "any" else choice.kind
    if request.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = request.parallel_tool_calls


def _text_format(request: ChatRequest) -> Json | None:
    wanted = request.response_format
    if wanted is None:
        return None
    if wanted.kind == "json_object":
        return {"type": "json_object"}
    out: Json = {"type": "json_schema", "name": wanted.name or "answer", "schema": wanted.schema}
    if wanted.description:
        out["description"] = wanted.description
    if wanted.strict is not None:
        out["strict"] = wanted.strict
    return out


def _unsupported(part: Any, param: str) -> InvalidRequest:
    kind = part.kind if type(part) is OtherPart else type(part).__name__
    return InvalidRequest(f"this model takes no content of the kind '{kind}'", param=param)


_OUR_NAMES = {
    "max_output_tokens": "max_tokens",
    "reasoning.effort": "reasoning_effort",
    "reasoning": "reasoning_effort",
    "text.format": "response_format",
    "text": "response_format",
    "instructions": "messages",
    "input": "messages",
}


def param_of(theirs: str) -> str:
    """What our core calls the field that the endpoint complains of (``input[3].content`` → ``messages``).

    An item's number is left out: a turn may become several items.
    """
    for name, ours in _OUR_NAMES.items():
        if theirs == name or theirs.startswith((f"{name}.", f"{name}[")):
            return ours
    return theirs

"""Whether a model can take what a request holds, and the few changes that make it fit without changing its meaning."""

from __future__ import annotations

import msgspec

from slipstream.chat.request import CachePoint, ChatRequest, Image, Message, Text, ToolResult, ToolUse
from slipstream.errors import InvalidRequest, PromptTooLong
from slipstream.models import estimate
from slipstream.models.model import Model

JSON_IN_WORDS = "Answer with one JSON object and nothing else: no prose, no code fence."


def fit(request: ChatRequest, model: Model, notes: list[str]) -> ChatRequest:
    """Return the request as this model can take it, adding to ``notes`` what was changed.

    Raises InvalidRequest with the path of what the model cannot take, PromptTooLong where even an optimistic count of
    tokens is over its context window. A forced tool choice is never dropped: a model that rejects it fails here.
    """
    if model.known:
        _check_media(request, model)
        _check_length(request, model)
    if model.endpoint.dialect == "responses":
        from slipstream.models.responses_fit import fit_responses  # few models need it

        request = fit_responses(request, model, notes)
    if request.tools or request.tool_choice is not None:
        request = _tools(request, model, notes)
    if request.response_format is not None:
        request = _response_format(request, model, notes)
    if request.system and not model.capabilities.system:
        request = _system_into_first_turn(request, model, notes)
    return request


def _check_media(request: ChatRequest, model: Model) -> None:
    if "image" in model.modalities:
        return
    for i, message in enumerate(request.messages):
        for j, part in enumerate(message.content):
            pieces = part.content if type(part) is ToolResult else (part,)
            if any(type(piece) is Image for piece in pieces):
                raise InvalidRequest(
                    f"{model.name} reads text only; take the image out or choose a model that reads images",
                    param=f"messages[{i}].content[{j}]",
                )


def _check_length(request: ChatRequest, model: Model) -> None:
    least = estimate.of_request(request).least_tokens()
    if least > model.context_tokens:
        raise PromptTooLong(
            f"the prompt has {least} tokens at the very least (estimated), but {model.name} takes "
            f"{model.context_tokens}; shorten it, or choose a model with a larger context window",
            param="messages",
        )


def _tools(request: ChatRequest, model: Model, notes: list[str]) -> ChatRequest:
    can, choice = model.capabilities, request.tool_choice
    if request.tools and not can.tools:
        raise InvalidRequest(f"{model.name} cannot call tools; leave them out or choose another model", param="tools")
    if choice is None:
        return _parallel(request, model, notes)
    if choice.kind in ("any", "tool"):
        if not request.tools:
            raise InvalidRequest("a tool must be called, but no tools were given", param="tool_choice")
        if choice.kind not in can.forced_tool_choice:
            raise InvalidRequest(
                f"{model.name} rejects a forced tool choice ('{choice.kind}'); use 'auto' and say in the prompt when "
                "the tool is to be called, or choose another model",
                param="tool_choice",
            )
    elif choice.kind == "none" and model.endpoint.dialect == "converse":
        return _no_tools(request, notes)
    return _parallel(request, model, notes)


def _no_tools(request: ChatRequest, notes: list[str]) -> ChatRequest:
    """Converse knows no choice ``none``: leave the tools out, unless earlier turns hold calls, which need them."""
    if any(isinstance(part, ToolUse | ToolResult) for message in request.messages for part in message.content):
        notes.append("tool_choice 'none' asked for in words: Converse lacks it, and earlier tool calls need the tools")
        return request
    return msgspec.structs.replace(request, tools=[], tool_choice=None)


def _parallel(request: ChatRequest, model: Model, notes: list[str]) -> ChatRequest:
    # Claude takes it in a field of its own; for the others Converse has none.
    if request.parallel_tool_calls is False and model.endpoint.dialect == "converse" and model.provider != "anthropic":
        notes.append(f"parallel_tool_calls=false has no effect: Converse cannot ask {model.name} for it")
    return request


def _response_format(request: ChatRequest, model: Model, notes: list[str]) -> ChatRequest:
    wanted = request.response_format
    if wanted is None or model.endpoint.dialect == "responses":
        return request
    if wanted.kind == "json_schema" and model.capabilities.json_schema:
        return request
    words = JSON_IN_WORDS
    if wanted.kind == "json_schema":
        words += " It must be valid against this JSON Schema: " + msgspec.json.encode(wanted.schema).decode()
    notes.append(f"response_format asked for in words: {model.name} does not enforce {wanted.kind} on this endpoint")
    return msgspec.structs.replace(request, response_format=None, system=[*request.system, Text(words)])


def _system_into_first_turn(request: ChatRequest, model: Model, notes: list[str]) -> ChatRequest:
    parts = [part for part in request.system if not isinstance(part, CachePoint)]
    notes.append(f"system prompt put before the first user turn: {model.name} takes none")
    first, rest = request.messages[:1], request.messages[1:]
    if first and first[0].role == "user":
        messages = [Message("user", [*parts, *first[0].content]), *rest]
    else:
        messages = [Message("user", [*parts]), *request.messages]
    return msgspec.structs.replace(request, system=[], messages=messages)

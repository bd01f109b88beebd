"""A request as a model of the Responses dialect can take it: Bedrock's own fields in that dialect's words."""

from __future__ import annotations

from typing import Any, NoReturn

import msgspec

from slipstream.chat.request import ChatRequest, Message, Reasoning, ResponseFormat
from slipstream.errors import InvalidRequest
from slipstream.models.model import Model
from slipstream.models.reasoning import LADDER


class _JsonSchema(msgspec.Struct, forbid_unknown_fields=True):
    schema: str
    name: str | None = None
    description: str | None = None


class _Structure(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    json_schema: _JsonSchema


class _TextFormat(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    structure: _Structure


class _OutputConfig(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """``outputConfig`` as Bedrock's service model has it (botocore 1.44.5)."""

    text_format: _TextFormat | None = None
    effort: str | None = None


def fit_responses(request: ChatRequest, model: Model, notes: list[str]) -> ChatRequest:
    """Turn ``outputConfig`` into a response format and an effort, leave out reasoning that cannot be handed back.

    Raises InvalidRequest with the path of what the dialect has no words for.
    """
    for tool in request.tools:
        if tool.system:
            raise InvalidRequest(
                f"the system tool '{tool.name}' runs inside Bedrock's Converse, and {model.name} is served through "
                "Responses, without it: take it out, or give a function of your own (toolSpec)",
                param="toolConfig.tools",
            )
    if "outputConfig" in request.converse_extras:
        request = _output_config(request, model)
    return _reasoning(request, model, notes)


def _output_config(request: ChatRequest, model: Model) -> ChatRequest:
    extras = dict(request.converse_extras)
    try:
        config = msgspec.convert(extras.pop("outputConfig"), _OutputConfig)
    except msgspec.ValidationError as error:
        complaint, _, place = str(error).partition(" - at `$")
        param = "outputConfig" + place.rstrip("`")
        raise InvalidRequest(
            f"'{param}' cannot be carried to {model.name}: {complaint}; it takes textFormat (json_schema) and effort",
            param=param,
        ) from None
    parameters, form = request.parameters, request.response_format
    if config.effort is not None:
        if config.effort not in LADDER:
            raise InvalidRequest(
                f"'outputConfig.effort' is '{config.effort[:40]}'; one of {', '.join(LADDER)}",
                param="outputConfig.effort",
            )
        parameters = msgspec.structs.replace(parameters, reasoning_effort=config.effort)
    if config.text_format is not None:
        form = _format(config.text_format)
    return msgspec.structs.replace(request, converse_extras=extras, parameters=parameters, response_format=form)


def _format(text: _TextFormat) -> ResponseFormat:
    path = "outputConfig.textFormat"
    if text.type != "json_schema":
        raise InvalidRequest(f"'{path}.type' is '{text.type[:40]}'; it must be json_schema", param=f"{path}.type")
    asked, path = text.structure.json_schema, f"{path}.structure.jsonSchema.schema"
    try:
        schema: Any = msgspec.json.decode(asked.schema)
    except (msgspec.DecodeError, RecursionError):
        _no_schema(path)
    if not isinstance(schema, dict):
        _no_schema(path)
    return ResponseFormat("json_schema", schema, asked.name, asked.description)


def _no_schema(path: str) -> NoReturn:
    raise InvalidRequest(f"'{path}' must be the text of a JSON object", param=path)


def _reasoning(request: ChatRequest, model: Model, notes: list[str]) -> ChatRequest:
    """Without the model's signature the endpoint does not take reasoning back, and a redacted block is another's."""
    kept = [_signed(message) for message in request.messages]
    if all(new is old for new, old in zip(kept, request.messages, strict=True)):
        return request
    notes.append(f"earlier reasoning left out: {model.name} takes it back only with the signature that it came with")
    return msgspec.structs.replace(request, messages=[message for message in kept if message.content])


def _signed(message: Message) -> Message:
    content = [part for part in message.content if type(part) is not Reasoning or part.signature is not None]
    return message if len(content) == len(message.content) else Message(message.role, content)

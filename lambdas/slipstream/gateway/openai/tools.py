"""Tools, the choice among them, and structured output."""

from __future__ import annotations

from collections.abc import Sequence

from slipstream.chat.request import ResponseFormat, Tool, ToolChoice
from slipstream.errors import InvalidRequest
from slipstream.gateway import nesting
from slipstream.gateway.openai.body import (
    ChatBody,
    JsonObjectFormat,
    JsonSchemaFormat,
    NamedToolChoice,
    TextFormat,
    ToolDefinition,
)

MAX_NAME = 64
NO_ARGUMENTS = {"type": "object", "properties": {}}


def decode(definitions: Sequence[ToolDefinition] | None, deep: bool) -> list[Tool]:
    """Translate ``tools``; ``deep`` says that the body has brackets enough to be worth measuring.

    Raises InvalidRequest for a name that Bedrock has no room for, and for one that comes twice.
    """
    tools: list[Tool] = []
    seen: set[str] = set()
    for index, definition in enumerate(definitions or ()):
        function = definition.function
        path = f"tools[{index}].function"
        check_name(function.name, f"{path}.name")
        if function.name in seen:
            raise InvalidRequest(
                f"Two tools have the name '{function.name}'.", param=f"{path}.name", code="invalid_value"
            )
        seen.add(function.name)
        if deep and function.parameters is not None:
            nesting.check_depth(function.parameters, f"{path}.parameters")
        description = function.description if function.description and not function.description.isspace() else None
        tools.append(Tool(function.name, description, function.parameters or NO_ARGUMENTS, function.strict))
    return tools


def check_name(name: str, param: str) -> None:
    """Raise InvalidRequest unless ``name`` is 1 to 64 letters, digits, underscores and dashes."""
    if not (0 < len(name) <= MAX_NAME and name.isascii() and name.replace("_", "a").replace("-", "a").isalnum()):
        raise InvalidRequest(
            f"Invalid '{param}': a name has 1 to {MAX_NAME} letters, digits, underscores and dashes.",
            param=param,
            code="invalid_value",
        )


def choice(asked: str | NamedToolChoice | None, tools: Sequence[Tool]) -> ToolChoice | None:
    """Translate ``tool_choice``. Raises InvalidRequest when it asks for a tool that is not there."""
    if isinstance(asked, NamedToolChoice):
        name = asked.function.name
        if all(tool.name != name for tool in tools):
            raise InvalidRequest(
                f"'tool_choice' names '{name[:MAX_NAME]}', which is not in 'tools'.",
                param="tool_choice.function.name",
                code="invalid_value",
            )
        return ToolChoice("tool", name)
    if asked == "required" and not tools:
        raise InvalidRequest("'tool_choice' is 'required', but no 'tools' are given.", param="tool_choice")
    if asked is None or not tools:
        return None
    return ToolChoice("any" if asked == "required" else "none" if asked == "none" else "auto")


def response_format(body: ChatBody, deep: bool) -> ResponseFormat | None:
    """Translate ``response_format``. Raises InvalidRequest for a schema without name or content."""
    asked = body.response_format
    if asked is None or isinstance(asked, TextFormat):
        return None
    if isinstance(asked, JsonObjectFormat):
        return ResponseFormat("json_object")
    return _schema(asked, deep)


def _schema(asked: JsonSchemaFormat, deep: bool) -> ResponseFormat:
    wanted, path = asked.json_schema, "response_format.json_schema"
    check_name(wanted.name, f"{path}.name")
    if wanted.schema is None:
        raise InvalidRequest(
            f"Missing required parameter: '{path}.schema'.", param=f"{path}.schema", code="missing_required_parameter"
        )
    if deep:
        nesting.check_depth(wanted.schema, f"{path}.schema")
    return ResponseFormat("json_schema", wanted.schema, wanted.name, wanted.description, wanted.strict)

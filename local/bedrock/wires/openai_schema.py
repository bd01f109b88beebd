"""What Responses and Chat Completions share: content parts, tools, formats, server-sent events."""

from __future__ import annotations

from typing import Any

import msgspec

from local.bedrock.errors import invalid
from local.bedrock.prompt import Section, Tool
from local.bedrock.wires.blocks import Blocks


def add_content(blocks: Blocks, section: Section, content: Any) -> None:
    """A string, or a list of text and image parts in either API's names."""
    if isinstance(content, str):
        if content:
            blocks.text(section, content)
        return
    for part in content or []:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in ("text", "input_text", "output_text", "refusal"):
            blocks.text(section, str(part.get("text", part.get("refusal", ""))))
        elif kind in ("image_url", "input_image"):
            blocks.image(section, msgspec.json.encode(part.get("image_url")))
        else:
            raise invalid(f"Invalid content part type: {kind!r}. Supported: text and images.")


def add_tools(blocks: Blocks, tools: tuple[Tool, ...]) -> None:
    """Tools count as prompt."""
    for tool in tools:
        blocks.data("tools", msgspec.json.encode([tool.name, tool.description, tool.schema]))


def tool(raw: dict[str, Any]) -> Tool:
    """A function tool; Chat Completions nests it, Responses does not."""
    function = raw.get("function", raw)
    if raw.get("type") != "function" or not isinstance(function.get("name"), str):
        raise invalid("tools: only tools of type function with a name are supported.")
    return Tool(function["name"], str(function.get("description") or ""), function.get("parameters") or {})


def tool_choice(raw: Any) -> str:
    """``auto``, ``none``, ``required`` or one function by name."""
    if raw is None:
        return "auto"
    if isinstance(raw, dict):
        return f"tool:{raw.get('function', raw).get('name', '')}"
    named = {"auto": "auto", "none": "none", "required": "any"}
    if raw not in named:
        raise invalid(f"Invalid value for tool_choice: {raw!r}. Supported: none, auto, required or a function.")
    return named[raw]


def schema_of(form: Any) -> dict[str, Any] | None:
    """The schema of ``text.format`` or ``response_format``; ``{}`` is any object."""
    if not isinstance(form, dict) or form.get("type") in (None, "text"):
        return None
    if form["type"] == "json_object":
        return {}
    nested = form.get("json_schema", form)
    schema = nested.get("schema")
    if form["type"] != "json_schema" or not isinstance(schema, dict):
        raise invalid("The response format must be text, json_object, or json_schema with a schema.")
    return schema


def sse(body: dict[str, Any], event: str | None = None) -> bytes:
    """One server-sent event."""
    name = f"event: {event}\n".encode() if event else b""
    return name + b"data: " + msgspec.json.encode(body) + b"\n\n"

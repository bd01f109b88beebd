"""Anthropic's Messages body through InvokeModel."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from local.bedrock.catalogue import Api
from local.bedrock.errors import invalid
from local.bedrock.prompt import Answer, Asked, Block, Outcome, Section, Tool, ToolOut
from local.bedrock.run import Run
from local.bedrock.wires import invoke
from local.bedrock.wires.answers import arguments
from local.bedrock.wires.anthropic_stream import AnthropicEncoder, message_id, stop_reason, usage_json
from local.bedrock.wires.blocks import Blocks
from local.bedrock.wires.wire import Encoder, converted
from slipstream import eventstream

VERSION = "bedrock-2023-05-31"


class Turn(msgspec.Struct):
    """One message; a string is one text block."""

    role: Literal["user", "assistant"]
    content: str | list[dict[str, Any]]


class MessagesRequest(msgspec.Struct):
    """The body, as far as it is read."""

    anthropic_version: str
    max_tokens: int
    messages: list[Turn]
    system: str | list[dict[str, Any]] = ""
    tools: list[dict[str, Any]] = []
    tool_choice: dict[str, Any] = {}
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] = []
    thinking: dict[str, Any] = {}
    output_config: dict[str, Any] = {}
    output_format: dict[str, Any] | None = None


class Anthropic:
    """The Messages wire, for InvokeModel and InvokeModelWithResponseStream."""

    api: Api = "invoke"
    stream_content_type = eventstream.CONTENT_TYPE

    def decode(self, model_id: str, body: dict[str, Any]) -> Asked:
        """Read a Messages body. Raises BedrockError."""
        for name in ("anthropic_version", "max_tokens", "messages"):
            if name not in body:
                raise invalid(f"{name}: Field required")
        request = converted(body, MessagesRequest)
        if request.anthropic_version != VERSION:
            raise invalid(f"anthropic_version: Input should be '{VERSION}'")
        form = request.output_format or request.output_config.get("format") or {}
        return Asked(
            model_id=model_id,
            blocks=_blocks(request),
            tools=tuple(
                Tool(str(tool.get("name", "")), str(tool.get("description", "")), tool.get("input_schema") or {})
                for tool in request.tools
            ),
            tool_choice=_tool_choice(request.tool_choice),
            parallel_tools=not request.tool_choice.get("disable_parallel_tool_use", False),
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=request.top_k,
            stop=tuple(request.stop_sequences),
            schema=form.get("schema") if form.get("type") == "json_schema" else None,
            thinking=request.thinking.get("type"),
        )

    def complete(self, run: Run, answer: Answer, outcome: Outcome) -> dict[str, Any]:
        """A Messages response."""
        content = [
            {"type": "tool_use", "id": block.id, "name": block.name, "input": arguments(block)}
            if isinstance(block, ToolOut)
            else {"type": "text", "text": "".join(block.pieces)}
            for block in answer.blocks
        ]
        return {
            "model": run.model.id.removeprefix("anthropic."),
            "id": message_id(run),
            "type": "message",
            "role": "assistant",
            "content": content,
            "stop_reason": stop_reason(outcome),
            "stop_sequence": outcome.stop_sequence,
            "usage": usage_json(outcome.usage),
        }

    def encoder(self, run: Run) -> Encoder:
        """An encoder of the Messages stream."""
        return AnthropicEncoder(run)

    def headers(self, run: Run) -> dict[str, str]:
        """Echoes of tier and latency."""
        return invoke.headers(run)


def _tool_choice(choice: dict[str, Any]) -> str:
    kind = choice.get("type", "auto")
    if kind not in ("auto", "any", "tool", "none"):
        raise invalid("tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'")
    return f"tool:{choice.get('name', '')}" if kind == "tool" else str(kind)


def _blocks(request: MessagesRequest) -> tuple[Block, ...]:
    blocks = Blocks()
    for tool in request.tools:
        blocks.data("tools", msgspec.json.encode([tool.get(k) for k in ("name", "description", "input_schema")]))
        _mark(blocks, tool)
    _add_all(blocks, "system", request.system)
    for position, turn in enumerate(request.messages):
        if position == 0 and turn.role != "user":
            raise invalid('messages: first message must use the "user" role')
        blocks.turn()
        _add_all(blocks, turn.role, turn.content)
    return blocks.done()


def _add_all(blocks: Blocks, section: Section, content: str | list[dict[str, Any]]) -> None:
    if isinstance(content, str):
        if content:
            blocks.text(section, content)
        return
    for part in content:
        kind = part.get("type")
        if kind == "text":
            if not isinstance(part.get("text"), str) or not part["text"].strip():
                raise invalid("messages: text content blocks must be non-empty")
            blocks.text(section, part["text"])
        elif kind == "tool_result":
            inner = part.get("content", "")
            text = inner if isinstance(inner, str) else "\n".join(str(p.get("text", "")) for p in inner)
            blocks.text("tool_result", text or "(empty)")
        elif kind == "image":
            blocks.image(section, msgspec.json.encode(part.get("source")))
        else:
            blocks.data(section, msgspec.json.encode({k: v for k, v in part.items() if k != "cache_control"}))
        _mark(blocks, part)


def _mark(blocks: Blocks, part: dict[str, Any]) -> None:
    control = part.get("cache_control")
    if isinstance(control, dict):
        blocks.mark(str(control.get("ttl", "5m")))

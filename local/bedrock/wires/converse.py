"""Converse: requests to prompts, answers to JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from local.bedrock.catalogue import Api
from local.bedrock.errors import invalid, model_refused
from local.bedrock.prompt import Answer, Asked, Block, Outcome, Tool
from local.bedrock.run import Run
from local.bedrock.wires import converse_schema as schema
from local.bedrock.wires.answers import content_blocks
from local.bedrock.wires.blocks import Blocks
from local.bedrock.wires.converse_stream import ConverseEncoder
from local.bedrock.wires.wire import Encoder, converted
from slipstream import eventstream


class Converse:
    """The Converse wire, for Converse and ConverseStream."""

    api: Api = "converse"
    stream_content_type = eventstream.CONTENT_TYPE

    def decode(self, model_id: str, body: dict[str, Any]) -> Asked:
        """Read a Converse body. Raises BedrockError."""
        request = converted(body, schema.ConverseRequest)
        extra = request.additionalModelRequestFields or {}
        inference = request.inferenceConfig
        thinking = extra.get("thinking")
        return Asked(
            model_id=model_id,
            blocks=prompt_blocks(request),
            tools=_tools(request.toolConfig),
            tool_choice=_tool_choice(request.toolConfig),
            max_tokens=inference.maxTokens,
            temperature=inference.temperature if inference.temperature is not None else _number(extra, "temperature"),
            top_p=inference.topP if inference.topP is not None else _number(extra, "top_p"),
            top_k=_whole_number(extra, "top_k"),
            stop=tuple(inference.stopSequences),
            schema=_schema(request.outputConfig),
            latency=request.performanceConfig.latency if request.performanceConfig else None,
            tier=request.serviceTier.type if request.serviceTier else None,
            thinking=thinking.get("type") if isinstance(thinking, dict) else None,
        )

    def complete(self, run: Run, answer: Answer, outcome: Outcome) -> dict[str, Any]:
        """ConverseResponse."""
        body: dict[str, Any] = {
            "metrics": {"latencyMs": outcome.latency_ms},
            "output": {"message": {"role": "assistant", "content": content_blocks(answer)}},
            "stopReason": outcome.stop_reason,
            "usage": usage_json(outcome),
        }
        if outcome.stop_sequence is not None:
            body["additionalModelResponseFields"] = {"stop_sequence": outcome.stop_sequence}
        return body | echoes(outcome)

    def encoder(self, run: Run) -> Encoder:
        """An encoder of ConverseStream's events."""
        return ConverseEncoder(usage_json, echoes)

    def headers(self, run: Run) -> dict[str, str]:
        """Converse says nothing in headers."""
        return {}


def usage_json(outcome: Outcome) -> dict[str, Any]:
    """TokenUsage."""
    usage = outcome.usage
    return {
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "totalTokens": usage.total_input() + usage.output,
        "cacheReadInputTokens": usage.cache_read,
        "cacheWriteInputTokens": usage.cache_write,
        "cacheDetails": [{"ttl": ttl, "inputTokens": count} for ttl, count in usage.writes_by_ttl],
    }


def echoes(outcome: Outcome) -> dict[str, Any]:
    """What was really used of latency and tier, where the caller asked."""
    echo: dict[str, Any] = {}
    if outcome.latency is not None:
        echo["performanceConfig"] = {"latency": outcome.latency}
    if outcome.tier is not None:
        echo["serviceTier"] = {"type": outcome.tier}
    return echo


def prompt_blocks(request: schema.ConverseRequest) -> tuple[Block, ...]:
    """Tools, system and turns in the order in which a model reads them."""
    blocks = Blocks()
    for entry in request.toolConfig.tools if request.toolConfig else []:
        if entry.cachePoint is not None:
            blocks.mark(entry.cachePoint.ttl or "5m")
        elif entry.toolSpec is not None:
            spec = entry.toolSpec
            blocks.data("tools", msgspec.json.encode([spec.name, spec.description, spec.inputSchema.json]))
    for content in request.system:
        _add(blocks, "system", content)
    for position, message in enumerate(request.messages):
        if position == 0 and message.role != "user":
            raise invalid(
                "A conversation must start with a user message. Try again with a conversation that starts with a "
                "user message."
            )
        if not message.content:
            raise invalid(
                f"The content field in the Message object at messages.{position} is empty. Add a ContentBlock "
                f"object to the content field and try again."
            )
        blocks.turn()
        for content in message.content:
            _add(blocks, message.role, content)
    return blocks.done()


def _add(blocks: Blocks, role: Any, content: schema.Content) -> None:
    if content.text is not None:
        if not content.text.strip():
            raise invalid(
                "The text field in the ContentBlock object is blank. Add text to the text field, and try again."
            )
        blocks.text(role, content.text)
    elif content.cachePoint is not None:
        blocks.mark(content.cachePoint.ttl or "5m")
    elif content.toolUse is not None:
        blocks.data(role, msgspec.json.encode([content.toolUse.name, content.toolUse.input]))
    elif content.toolResult is not None:
        parts = content.toolResult.content
        text = "\n".join(
            p["text"] if isinstance(p.get("text"), str) else msgspec.json.encode(p).decode() for p in parts
        )
        blocks.text("tool_result", text or "(empty)")
    elif content.image is not None:
        blocks.image(role, msgspec.json.encode(content.image))
    elif content.document is not None:
        _document(blocks, role, content.document)
    else:
        blocks.data(role, msgspec.json.encode(content))


def _document(blocks: Blocks, role: Any, document: dict[str, Any]) -> None:
    source = document.get("source") or {}
    if isinstance(source.get("text"), str):
        blocks.text(role, source["text"])
    elif isinstance(source.get("bytes"), str):
        blocks.file(role, source["bytes"], str(document.get("format", "")))
    else:
        blocks.data(role, msgspec.json.encode(document))


def _tools(config: schema.ToolConfig | None) -> tuple[Tool, ...]:
    specs = [entry.toolSpec for entry in config.tools if entry.toolSpec is not None] if config else []
    return tuple(Tool(spec.name, spec.description, spec.inputSchema.json) for spec in specs)


def _tool_choice(config: schema.ToolConfig | None) -> str:
    choice = (config.toolChoice if config else None) or {"auto": {}}
    if len(choice) != 1 or next(iter(choice)) not in ("auto", "any", "tool"):
        raise invalid("toolConfig.toolChoice must have exactly one of the members auto, any, tool.")
    if "tool" in choice:
        name = choice["tool"].get("name")
        if config is None or name not in [entry.toolSpec.name for entry in config.tools if entry.toolSpec]:
            raise invalid(f"The tool choice names {name}, which is not among the tools. Add it or choose another.")
        return f"tool:{name}"
    return next(iter(choice))


def _number(extra: dict[str, Any], name: str) -> float | None:
    value = extra.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise model_refused(f"{name}: Input should be a valid number")
    return value


def _whole_number(extra: dict[str, Any], name: str) -> int | None:
    value = _number(extra, name)
    if isinstance(value, float):
        raise model_refused(f"{name}: Input should be a valid integer")
    return value


def _schema(config: schema.OutputConfig | None) -> dict[str, Any] | None:
    if config is None or config.textFormat is None:
        return None
    text = config.textFormat.structure.jsonSchema.schema
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        raise invalid("outputConfig.textFormat.structure.jsonSchema.schema is not a JSON object.") from None

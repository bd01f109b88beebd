"""An answer in one shape, whichever wire and way it came: what the client's own library made of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import openai


@dataclass
class Told:
    """``calls`` are (id, name, arguments); ``tokens`` as the wire's usage counts them, input without cached ones."""

    text: str = ""
    reasoning: str = ""
    signature: str = ""
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    stop: str = ""
    tokens: dict[str, int] = field(default_factory=dict)
    report: dict[str, Any] | None = None
    pieces: int = 0
    blocks: list[int] = field(default_factory=list)
    """Numbers of the content blocks in the order of their first appearance, where a stream has them."""


def chat(sdk: openai.OpenAI, *, stream: bool, **fields: Any) -> Told:
    """Over OpenAI's wire; ``slipstream`` and what the SDK does not know go into the body."""
    fields = {name: value for name, value in fields.items() if value is not None}
    if not stream:
        return _of_completion(sdk.chat.completions.create(**fields).model_dump())
    told, calls = Told(), {}
    for chunk in sdk.chat.completions.create(stream=True, stream_options={"include_usage": True}, **fields):
        raw = chunk.model_dump()
        told.report = raw.get("slipstream") or told.report
        if raw.get("usage"):
            told.tokens = _openai_tokens(raw["usage"])
        for choice in raw["choices"]:
            delta = choice["delta"]
            told.stop = choice["finish_reason"] or told.stop
            told.text += delta.get("content") or ""
            told.pieces += bool(delta.get("content"))
            told.reasoning += delta.get("reasoning_content") or ""
            for whole in delta.get("reasoning_details") or []:
                told.signature = whole["signature"]
            for call in delta.get("tool_calls") or []:
                kept = calls.setdefault(call["index"], [call["id"], call["function"]["name"], ""])
                kept[2] += call["function"]["arguments"] or ""
    told.calls = [(call_id, name, json.loads(arguments)) for call_id, name, arguments in calls.values()]
    return told


def _of_completion(raw: dict[str, Any]) -> Told:
    message = raw["choices"][0]["message"]
    return Told(
        text=message["content"] or "",
        reasoning=message.get("reasoning_content") or "",
        signature="".join(whole["signature"] for whole in message.get("reasoning_details") or []),
        calls=[
            (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in message.get("tool_calls") or []
        ],
        stop=raw["choices"][0]["finish_reason"],
        tokens=_openai_tokens(raw["usage"]),
        report=raw["slipstream"],
    )


def _openai_tokens(usage: dict[str, Any]) -> dict[str, int]:
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    return {"input": usage["prompt_tokens"] - cached, "cached": cached, "output": usage["completion_tokens"]}


def converse(boto: Any, *, stream: bool, **fields: Any) -> Told:
    """Over Bedrock's wire. A stream's report cannot be seen through boto3."""
    if not stream:
        reply = boto.converse(**fields)
        told = Told(stop=reply["stopReason"], tokens=_bedrock_tokens(reply["usage"]))
        told.report = json.loads(reply["ResponseMetadata"]["HTTPHeaders"]["x-slipstream-report"])
        for block in reply["output"]["message"]["content"]:
            told.text += block.get("text", "")
            if call := block.get("toolUse"):
                told.calls.append((call["toolUseId"], call["name"], call["input"]))
            thought = block.get("reasoningContent", {}).get("reasoningText", {})
            told.reasoning += thought.get("text", "")
            told.signature += thought.get("signature", "")
        return told
    told, calls = Told(), {}
    for event in boto.converse_stream(**fields)["stream"]:
        ((kind, body),) = event.items()
        if "contentBlockIndex" in body and body["contentBlockIndex"] not in told.blocks:
            told.blocks.append(body["contentBlockIndex"])
        if kind == "contentBlockStart":
            call = body["start"]["toolUse"]
            calls[body["contentBlockIndex"]] = [call["toolUseId"], call["name"], ""]
        elif kind == "contentBlockDelta":
            _delta(told, calls, body)
        elif kind == "messageStop":
            told.stop = body["stopReason"]
        elif kind == "metadata":
            told.tokens = _bedrock_tokens(body["usage"])
    told.calls = [(call_id, name, json.loads(arguments)) for call_id, name, arguments in calls.values()]
    return told


def _delta(told: Told, calls: dict[int, list[str]], body: dict[str, Any]) -> None:
    delta = body["delta"]
    told.text += delta.get("text", "")
    told.pieces += "text" in delta
    thought = delta.get("reasoningContent", {})
    told.reasoning += thought.get("text", "")
    told.signature += thought.get("signature", "")
    if "toolUse" in delta:
        calls[body["contentBlockIndex"]][2] += delta["toolUse"]["input"]


def _bedrock_tokens(usage: dict[str, int]) -> dict[str, int]:
    return {
        "input": usage["inputTokens"],
        "cached": usage["cacheReadInputTokens"],
        "output": usage["outputTokens"],
    }

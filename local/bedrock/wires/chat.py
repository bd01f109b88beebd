"""OpenAI's Chat Completions."""

from __future__ import annotations

import time
from hashlib import blake2b
from typing import Any

import msgspec

from local.bedrock.catalogue import Api
from local.bedrock.errors import OPENAI_TYPES, BedrockError, invalid
from local.bedrock.prompt import Answer, Asked, Outcome, TextOut, ToolOut
from local.bedrock.run import Run
from local.bedrock.wires import openai_schema as shared
from local.bedrock.wires.blocks import Blocks
from local.bedrock.wires.wire import Encoder, converted

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "content_filtered": "content_filter",
}


class ChatRequest(msgspec.Struct):
    """The body, as far as it is read."""

    messages: list[dict[str, Any]]
    stream: bool = False
    stream_options: dict[str, Any] | None = None
    tools: list[dict[str, Any]] = []
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool = True
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    response_format: dict[str, Any] | None = None
    service_tier: str | None = None


class Chat:
    """The Chat Completions wire. ``include_usage`` is the stream's option."""

    api: Api = "chat"
    stream_content_type = "text/event-stream"

    def __init__(self, *, include_usage: bool = False) -> None:
        self._include_usage = include_usage

    def decode(self, model_id: str, body: dict[str, Any]) -> Asked:
        """Read a Chat Completions body. Raises BedrockError."""
        request = converted(body, ChatRequest)
        tools = tuple(shared.tool(raw) for raw in request.tools)
        blocks = Blocks()
        shared.add_tools(blocks, tools)
        for message in request.messages:
            _add(blocks, message)
        stop = [request.stop] if isinstance(request.stop, str) else request.stop or []
        return Asked(
            model_id=model_id,
            blocks=blocks.done(),
            tools=tools,
            tool_choice=shared.tool_choice(request.tool_choice),
            parallel_tools=request.parallel_tool_calls,
            max_tokens=request.max_completion_tokens or request.max_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            stop=tuple(stop),
            schema=shared.schema_of(request.response_format),
            tier=None if request.service_tier in (None, "auto") else request.service_tier,
        )

    def complete(self, run: Run, answer: Answer, outcome: Outcome) -> dict[str, Any]:
        """A chat.completion."""
        text = "".join("".join(b.pieces) for b in answer.blocks if isinstance(b, TextOut))
        calls = [
            {"id": b.id, "type": "function", "function": {"name": b.name, "arguments": "".join(b.pieces)}}
            for b in answer.blocks
            if isinstance(b, ToolOut)
        ]
        message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
        if calls:
            message["tool_calls"] = calls
        finish = FINISH[outcome.stop_reason]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        return _frame(run, "chat.completion") | {"choices": [choice], "usage": usage_json(outcome)}

    def encoder(self, run: Run) -> Encoder:
        """An encoder of chat.completion.chunk."""
        return ChatEncoder(run, include_usage=self._include_usage)

    def headers(self, run: Run) -> dict[str, str]:
        """Nothing is said in headers."""
        return {}


def usage_json(outcome: Outcome) -> dict[str, Any]:
    """OpenAI's usage: prompt tokens include those read from the cache."""
    usage = outcome.usage
    return {
        "prompt_tokens": usage.total_input(),
        "completion_tokens": usage.output,
        "total_tokens": usage.total_input() + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _add(blocks: Blocks, message: dict[str, Any]) -> None:
    role, content = message.get("role"), message.get("content")
    blocks.turn()
    if role in ("system", "developer"):
        shared.add_content(blocks, "system", content)
    elif role == "user":
        shared.add_content(blocks, "user", content)
    elif role == "assistant":
        shared.add_content(blocks, "assistant", content)
        for call in message.get("tool_calls") or []:
            blocks.data("assistant", msgspec.json.encode(call.get("function")))
    elif role == "tool":
        shared.add_content(blocks, "tool_result", content or "(empty)")
    else:
        raise invalid(f"Invalid value: {role!r}. Supported roles: system, developer, user, assistant, tool.")


def _frame(run: Run, kind: str) -> dict[str, Any]:
    digest = blake2b(f"{run.started_s}".encode(), digest_size=12).hexdigest()
    frame = {"id": f"chatcmpl-{digest}", "object": kind, "created": int(time.time()), "model": run.asked.model_id}
    return frame | ({"service_tier": run.tier} if run.tier else {})


class ChatEncoder:
    """Encodes one answer."""

    def __init__(self, run: Run, *, include_usage: bool) -> None:
        self._frame = _frame(run, "chat.completion.chunk")
        self._include_usage = include_usage
        self._calls = -1

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return shared.sse(self._frame | {"choices": [choice]})

    def open(self) -> bytes:
        """The chunk with the role."""
        return self._chunk({"role": "assistant", "content": ""})

    def start(self, index: int, block: TextOut | ToolOut) -> bytes:
        """The chunk that names a tool call."""
        if isinstance(block, TextOut):
            return b""
        self._calls += 1
        function = {"name": block.name, "arguments": ""}
        call = {"index": self._calls, "id": block.id, "type": "function", "function": function}
        return self._chunk({"tool_calls": [call]})

    def delta(self, index: int, block: TextOut | ToolOut, piece: str) -> bytes:
        """Text, or a fragment of arguments."""
        if isinstance(block, TextOut):
            return self._chunk({"content": piece})
        return self._chunk({"tool_calls": [{"index": self._calls, "function": {"arguments": piece}}]})

    def stop(self, index: int, block: TextOut | ToolOut, text: str) -> bytes:
        """Nothing marks a block's end."""
        return b""

    def close(self, outcome: Outcome) -> bytes:
        """The finish reason, the usage where asked for, and [DONE]."""
        out = self._chunk({}, FINISH[outcome.stop_reason])
        if self._include_usage:
            out += shared.sse(self._frame | {"choices": [], "usage": usage_json(outcome)})
        return out + b"data: [DONE]\n\n"

    def error(self, error: BedrockError) -> bytes:
        """An error object in place of a chunk."""
        kind = OPENAI_TYPES.get(error.status, "server_error")
        return shared.sse({"error": {"message": error.message, "type": kind, "param": None, "code": error.kind}})

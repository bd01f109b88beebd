"""OpenAI's Responses, stateless: nothing is stored, each request brings its whole conversation."""

from __future__ import annotations

import time
from hashlib import blake2b
from typing import Any

import msgspec

from local.bedrock.catalogue import Api
from local.bedrock.errors import invalid
from local.bedrock.prompt import Answer, Asked, Outcome, Section, TextOut, ThoughtOut, ToolOut
from local.bedrock.run import Run
from local.bedrock.wires import openai_schema as shared
from local.bedrock.wires import reasoning
from local.bedrock.wires.blocks import Blocks
from local.bedrock.wires.responses_stream import ResponsesEncoder
from local.bedrock.wires.wire import Encoder, converted

SECTIONS: dict[str, Section] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}

INCOMPLETE = {"max_tokens": "max_output_tokens", "content_filtered": "content_filter"}


class ResponsesRequest(msgspec.Struct):
    """The body, as far as it is read."""

    input: str | list[dict[str, Any]] = ""
    instructions: str | None = None
    stream: bool = False
    tools: list[dict[str, Any]] = []
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool = True
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    text: dict[str, Any] | None = None
    service_tier: str | None = None
    previous_response_id: str | None = None
    reasoning: dict[str, Any] | None = None
    include: list[str] | None = None


class Responses:
    """The Responses wire."""

    api: Api = "responses"
    stream_content_type = "text/event-stream"

    def decode(self, model_id: str, body: dict[str, Any]) -> Asked:
        """Read a Responses body. Raises BedrockError."""
        request = converted(body, ResponsesRequest)
        if request.previous_response_id is not None:
            raise invalid(
                f"Previous response with id '{request.previous_response_id}' not found.", "previous_response_id"
            )
        tools = tuple(shared.tool(raw) for raw in request.tools)
        blocks = Blocks()
        shared.add_tools(blocks, tools)
        if request.instructions:
            blocks.text("system", request.instructions)
        items = [{"role": "user", "content": request.input}] if isinstance(request.input, str) else request.input
        for position, item in enumerate(items):
            _add(blocks, item, position)
        return Asked(
            model_id=model_id,
            blocks=blocks.done(),
            tools=tools,
            tool_choice=shared.tool_choice(request.tool_choice),
            parallel_tools=request.parallel_tool_calls,
            max_tokens=request.max_output_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            schema=shared.schema_of((request.text or {}).get("format")),
            tier=None if request.service_tier in (None, "auto") else request.service_tier,
            thinks=reasoning.wanted(request.reasoning, request.include),
        )

    def complete(self, run: Run, answer: Answer, outcome: Outcome) -> dict[str, Any]:
        """A response object."""
        return response_json(run, output_items(run, answer), outcome)

    def encoder(self, run: Run) -> Encoder:
        """An encoder of the response.* events."""
        return ResponsesEncoder(run, response_json, output_item)

    def headers(self, run: Run) -> dict[str, str]:
        """Nothing is said in headers."""
        return {}


def _add(blocks: Blocks, item: dict[str, Any], position: int) -> None:
    kind = item.get("type", "message")
    blocks.turn()
    if kind == "message":
        role = item.get("role")
        if role not in SECTIONS:
            raise invalid(
                f"Invalid value: {role!r}. Supported roles: system, developer, user, assistant.", f"input[{position}]"
            )
        shared.add_content(blocks, SECTIONS[role], item.get("content"))
    elif kind == "function_call_output":
        output = item.get("output")
        blocks.text("tool_result", output if isinstance(output, str) else msgspec.json.encode(output).decode())
    elif kind == "function_call":
        blocks.data("assistant", msgspec.json.encode([item.get("name"), item.get("arguments")]))
    elif kind == "reasoning":
        blocks.data("assistant", reasoning.opened(item, position).encode())
    else:
        raise invalid(f"Invalid input item type: {kind!r}.", f"input[{position}].type")


def _id(prefix: str, run: Run, index: int = 0) -> str:
    return f"{prefix}_{blake2b(f'{run.started_s}{index}'.encode(), digest_size=16).hexdigest()}"


def output_item(run: Run, index: int, block: TextOut | ToolOut, text: str, *, done: bool) -> dict[str, Any]:
    """A reasoning item, a message or a function call, begun or done."""
    if isinstance(block, ThoughtOut):
        return reasoning.item(block, _id("rs", run, index), text, done=done)
    status = "completed" if done else "in_progress"
    if isinstance(block, ToolOut):
        item = {"id": _id("fc", run, index), "type": "function_call", "status": status, "arguments": text}
        return item | {"call_id": block.id.replace("tooluse", "call"), "name": block.name}
    content = [{"type": "output_text", "annotations": [], "logprobs": [], "text": text}] if done else []
    return {"id": _id("msg", run, index), "type": "message", "status": status, "content": content, "role": "assistant"}


def output_items(run: Run, answer: Answer) -> list[dict[str, Any]]:
    """All items, done."""
    return [output_item(run, i, block, "".join(block.pieces), done=True) for i, block in enumerate(answer.blocks)]


def response_json(run: Run, output: list[dict[str, Any]], outcome: Outcome | None) -> dict[str, Any]:
    """The response object; without an outcome it is in progress."""
    reason = INCOMPLETE.get(outcome.stop_reason) if outcome is not None else None
    asked = run.asked
    usage = None
    if outcome is not None:
        used = outcome.usage
        usage = {
            "input_tokens": used.total_input(),
            "input_tokens_details": {"cached_tokens": used.cache_read},
            "output_tokens": used.output,
            "output_tokens_details": {"reasoning_tokens": used.reasoning},
            "total_tokens": used.total_input() + used.output,
        }
    return {
        "id": _id("resp", run),
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress" if outcome is None else "incomplete" if reason else "completed",
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "max_output_tokens": asked.max_tokens,
        "model": asked.model_id,
        "output": output,
        "parallel_tool_calls": asked.parallel_tools,
        "previous_response_id": None,
        "reasoning": {"effort": asked.thinks.effort if asked.thinks else None, "summary": None},
        "service_tier": run.tier or "default",
        "store": False,
        "temperature": asked.temperature if asked.temperature is not None else 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": asked.top_p if asked.top_p is not None else 1.0,
        "truncation": "disabled",
        "usage": usage,
        "metadata": {},
    }

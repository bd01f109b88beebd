"""Anthropic's stream events, each in a ``chunk``."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any

from local.bedrock.errors import BedrockError
from local.bedrock.prompt import Outcome, TextOut, ToolOut, Usage
from local.bedrock.run import Run
from local.bedrock.wires import invoke
from local.bedrock.wires.converse_stream import in_stream_error


def message_id(run: Run) -> str:
    """An id in Anthropic's form."""
    return "msg_bdrk_" + blake2b(f"{run.started_s}{run.asked.model_id}".encode(), digest_size=12).hexdigest()


def stop_reason(outcome: Outcome) -> str:
    """Anthropic's name of it."""
    return "refusal" if outcome.stop_reason == "content_filtered" else outcome.stop_reason


def usage_json(usage: Usage) -> dict[str, Any]:
    """Anthropic's usage."""
    by_ttl = dict(usage.writes_by_ttl)
    return {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": by_ttl.get("5m", 0),
            "ephemeral_1h_input_tokens": by_ttl.get("1h", 0),
        },
        "output_tokens": usage.output,
    }


@lru_cache(maxsize=8192)
def _delta(index: int, text: bool, piece: str) -> bytes:
    inner = {"type": "text_delta", "text": piece} if text else {"type": "input_json_delta", "partial_json": piece}
    return invoke.chunk({"type": "content_block_delta", "index": index, "delta": inner})


class AnthropicEncoder:
    """Encodes one answer."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def open(self) -> bytes:
        """message_start, with the input's usage."""
        use = self._run.cache
        uncached = self._run.asked.input_tokens() - use.read - use.write
        usage = Usage(uncached, 1, use.read, use.write, use.writes_by_ttl)
        message: dict[str, Any] = {
            "model": self._run.model.id.removeprefix("anthropic."),
            "id": message_id(self._run),
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_json(usage),
        }
        return invoke.chunk({"type": "message_start", "message": message})

    def start(self, index: int, block: TextOut | ToolOut) -> bytes:
        """content_block_start."""
        inner: dict[str, Any] = {"type": "text", "text": ""}
        if isinstance(block, ToolOut):
            inner = {"type": "tool_use", "id": block.id, "name": block.name, "input": {}}
        return invoke.chunk({"type": "content_block_start", "index": index, "content_block": inner})

    def delta(self, index: int, block: TextOut | ToolOut, piece: str) -> bytes:
        """content_block_delta."""
        return _delta(index, isinstance(block, TextOut), piece)

    def stop(self, index: int, block: TextOut | ToolOut, text: str) -> bytes:
        """content_block_stop."""
        return invoke.chunk({"type": "content_block_stop", "index": index})

    def close(self, outcome: Outcome) -> bytes:
        """Encode message_delta and message_stop."""
        delta = {"stop_reason": stop_reason(outcome), "stop_sequence": outcome.stop_sequence}
        usage = {"output_tokens": outcome.usage.output}
        metrics = invoke.invocation_metrics(outcome)
        return invoke.chunk({"type": "message_delta", "delta": delta, "usage": usage}) + invoke.chunk(
            {"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics}
        )

    def error(self, error: BedrockError) -> bytes:
        """An exception message of the event stream."""
        return in_stream_error(error)

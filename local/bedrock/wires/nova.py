"""Nova's native body through InvokeModel: Converse's shapes with Nova's own names for a few."""

from __future__ import annotations

from typing import Any

import msgspec

from local.bedrock.catalogue import Api
from local.bedrock.errors import BedrockError
from local.bedrock.prompt import Answer, Asked, Outcome, TextOut, ToolOut
from local.bedrock.run import Run
from local.bedrock.wires import invoke
from local.bedrock.wires.answers import content_blocks
from local.bedrock.wires.converse import Converse
from local.bedrock.wires.converse_stream import in_stream_error
from local.bedrock.wires.wire import Encoder
from slipstream import eventstream


class Nova:
    """The messages-v1 wire."""

    api: Api = "invoke"
    stream_content_type = eventstream.CONTENT_TYPE

    def decode(self, model_id: str, body: dict[str, Any]) -> Asked:
        """Read a messages-v1 body. Raises BedrockError."""
        inference = dict(body.get("inferenceConfig") or {})
        for native, shared in (("max_new_tokens", "maxTokens"), ("top_p", "topP")):
            if native in inference:
                inference.setdefault(shared, inference.pop(native))
        asked = Converse().decode(model_id, {**body, "inferenceConfig": inference})
        top_k = inference.get("topK", inference.get("top_k"))
        return msgspec.structs.replace(asked, top_k=top_k if isinstance(top_k, int) else None)

    def complete(self, run: Run, answer: Answer, outcome: Outcome) -> dict[str, Any]:
        """A messages-v1 response."""
        return {
            "output": {"message": {"role": "assistant", "content": content_blocks(answer)}},
            "stopReason": outcome.stop_reason,
            "usage": _usage(outcome),
        }

    def encoder(self, run: Run) -> Encoder:
        """An encoder of Nova's stream."""
        return NovaEncoder()

    def headers(self, run: Run) -> dict[str, str]:
        """Echoes of tier and latency."""
        return invoke.headers(run)


def _usage(outcome: Outcome) -> dict[str, int]:
    usage = outcome.usage
    return {
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "totalTokens": usage.total_input() + usage.output,
        "cacheReadInputTokenCount": usage.cache_read,
        "cacheWriteInputTokenCount": usage.cache_write,
    }


class NovaEncoder:
    """Encodes one answer."""

    def open(self) -> bytes:
        """Encode messageStart."""
        return invoke.chunk({"messageStart": {"role": "assistant"}})

    def start(self, index: int, block: TextOut | ToolOut) -> bytes:
        """contentBlockStart, for tool calls."""
        if isinstance(block, TextOut):
            return b""
        start = {"toolUse": {"toolUseId": block.id, "name": block.name}}
        return invoke.chunk({"contentBlockStart": {"start": start, "contentBlockIndex": index}})

    def delta(self, index: int, block: TextOut | ToolOut, piece: str) -> bytes:
        """Encode contentBlockDelta."""
        inner = {"text": piece} if isinstance(block, TextOut) else {"toolUse": {"input": piece}}
        return invoke.chunk({"contentBlockDelta": {"delta": inner, "contentBlockIndex": index}})

    def stop(self, index: int, block: TextOut | ToolOut, text: str) -> bytes:
        """Encode contentBlockStop."""
        return invoke.chunk({"contentBlockStop": {"contentBlockIndex": index}})

    def close(self, outcome: Outcome) -> bytes:
        """Encode messageStop and metadata with the invocation's metrics."""
        metadata = {"usage": _usage(outcome), "metrics": {}, "trace": {}}
        metrics = invoke.invocation_metrics(outcome)
        return invoke.chunk({"messageStop": {"stopReason": outcome.stop_reason}}) + invoke.chunk(
            {"metadata": metadata, "amazon-bedrock-invocationMetrics": metrics}
        )

    def error(self, error: BedrockError) -> bytes:
        """An exception message of the event stream."""
        return in_stream_error(error)

"""ConverseStream's events."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from local.bedrock.errors import BedrockError
from local.bedrock.prompt import Outcome, TextOut, ToolOut
from slipstream import eventstream

_encode = msgspec.json.encode
_PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@lru_cache(maxsize=8192)
def _delta(index: int, member: str, piece: str) -> bytes:
    inner = {"text": piece} if member == "text" else {"toolUse": {"input": piece}}
    # Bedrock pads each event to hide the length of a token from who only sees the encrypted traffic.
    padding = _PADDING[: len(_PADDING) - len(piece) % len(_PADDING)]
    payload = _encode({"contentBlockIndex": index, "delta": inner, "p": padding})
    return eventstream.event("contentBlockDelta", payload)


class ConverseEncoder:
    """Encodes one answer."""

    def __init__(
        self, usage_json: Callable[[Outcome], dict[str, Any]], echoes: Callable[[Outcome], dict[str, Any]]
    ) -> None:
        self._usage_json, self._echoes = usage_json, echoes

    def open(self) -> bytes:
        """MessageStart."""
        return eventstream.event("messageStart", b'{"role":"assistant"}')

    def start(self, index: int, block: TextOut | ToolOut) -> bytes:
        """contentBlockStart, which only tool calls have."""
        if isinstance(block, TextOut):
            return b""
        start = {"toolUse": {"toolUseId": block.id, "name": block.name}}
        return eventstream.event("contentBlockStart", _encode({"contentBlockIndex": index, "start": start}))

    def delta(self, index: int, block: TextOut | ToolOut, piece: str) -> bytes:
        """ContentBlockDelta."""
        return _delta(index, "text" if isinstance(block, TextOut) else "tool", piece)

    def stop(self, index: int, block: TextOut | ToolOut, text: str) -> bytes:
        """ContentBlockStop."""
        return eventstream.event("contentBlockStop", _encode({"contentBlockIndex": index}))

    def close(self, outcome: Outcome) -> bytes:
        """Encode messageStop and metadata."""
        stop: dict[str, Any] = {"stopReason": outcome.stop_reason}
        if outcome.stop_sequence is not None:
            stop["additionalModelResponseFields"] = {"stop_sequence": outcome.stop_sequence}
        metadata = {"metrics": {"latencyMs": outcome.latency_ms}, "usage": self._usage_json(outcome)} | self._echoes(
            outcome
        )
        return eventstream.event("messageStop", _encode(stop)) + eventstream.event("metadata", _encode(metadata))

    def error(self, error: BedrockError) -> bytes:
        """An exception message."""
        return in_stream_error(error)


def in_stream_error(error: BedrockError) -> bytes:
    """The exception message of Bedrock's event streams, e.g. ``throttlingException``."""
    payload = {"message": error.message}
    if error.kind == "ModelStreamErrorException":
        payload |= {"originalMessage": error.message}
    return eventstream.exception(error.kind[:1].lower() + error.kind[1:], _encode(payload))

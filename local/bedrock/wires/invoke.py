"""What InvokeModel's wires share: chunks that wrap a model's own JSON, and echoes in headers."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import msgspec

from local.bedrock.prompt import Outcome
from local.bedrock.run import Run
from slipstream import eventstream


def chunk(body: dict[str, Any]) -> bytes:
    """A ``chunk`` event around one JSON object of the model's native stream."""
    payload = {"bytes": b64encode(msgspec.json.encode(body)).decode(), "p": "abcdefghijkl"}
    return eventstream.event("chunk", msgspec.json.encode(payload))


def headers(run: Run) -> dict[str, str]:
    """What InvokeModel says in headers."""
    found = {"X-Amzn-Bedrock-Content-Type": "application/json"}
    if run.latency is not None:
        found["X-Amzn-Bedrock-PerformanceConfig-Latency"] = run.latency
    if run.tier is not None:
        found["X-Amzn-Bedrock-Service-Tier"] = run.tier
    return found


def invocation_metrics(outcome: Outcome) -> dict[str, int]:
    """``amazon-bedrock-invocationMetrics`` of the last chunk."""
    usage = outcome.usage
    return {
        "inputTokenCount": usage.input,
        "outputTokenCount": usage.output,
        "invocationLatency": outcome.latency_ms,
        "firstByteLatency": outcome.first_token_ms,
        "cacheReadInputTokenCount": usage.cache_read,
        "cacheWriteInputTokenCount": usage.cache_write,
    }

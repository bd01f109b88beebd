"""Calls, frames and models for the tests of the model port."""

from __future__ import annotations

import json
from typing import Any

from slipstream import eventstream
from slipstream.aws.bedrock import BedrockModels
from slipstream.aws.sigv4 import Credentials, Signer
from slipstream.aws.transport import Transport
from slipstream.chat.request import ChatRequest, Message, Options, Text
from slipstream.models.resolved import Endpoint, ResolvedCall

MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
CREDENTIALS = Credentials("test", "test")
RESPONSES = Endpoint("responses", "bedrock-mantle.{region}.api.aws", "/openai/v1", "bedrock-mantle")


def models(transport: Transport, url: str, *, heartbeat_s: float = 15.0, retry_delay_s: float = 0.0) -> BedrockModels:
    return BedrockModels(
        region="us-east-1",
        auth=Signer(lambda: CREDENTIALS, "us-east-1"),
        transport=transport,
        endpoints={"bedrock-runtime": url, "bedrock-mantle": url},
        heartbeat_s=heartbeat_s,
        retry_delay_s=retry_delay_s,
    )


def call(text: str = "hello", *, deadline_ms: int | None = None, **resolved: Any) -> ResolvedCall:
    request = ChatRequest(
        model=MODEL, messages=[Message("user", [Text(text)])], options=Options(deadline_ms=deadline_ms)
    )
    return ResolvedCall(**{"request": request, "target_id": MODEL, "model_id": MODEL, **resolved})


def frame(kind: str, **fields: Any) -> bytes:
    return eventstream.event(kind, json.dumps(fields).encode())


def fault(kind: str, message: str) -> bytes:
    return eventstream.exception(kind, json.dumps({"message": message}).encode())


STARTED = frame("messageStart", role="assistant", p="abcdef")
HELLO = frame("contentBlockDelta", contentBlockIndex=0, delta={"text": "hello"}, p="abc")
STOPPED = frame("messageStop", stopReason="end_turn")
USED = frame(
    "metadata",
    usage={"inputTokens": 3, "outputTokens": 1, "totalTokens": 14, "cacheReadInputTokens": 10},
    metrics={"latencyMs": 7},
    serviceTier={"type": "default"},
)

"""Short ways to say what a request is."""

from __future__ import annotations

from typing import Any

import pytest

from slipstream.chat.request import ChatRequest, Message, Part, Text
from slipstream.errors import SlipstreamError
from slipstream.models.resolve import Resolver
from slipstream.models.resolved import ResolvedCall

HAIKU = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
"""Takes temperature or top_p, top_k, thinking with a budget; caches from 4,096 tokens."""
SONNET_4 = "us.anthropic.claude-sonnet-4-20250514-v1:0"
"""Takes temperature together with top_p; caches from 1,024 tokens."""
OPUS_55 = "global.anthropic.claude-opus-5-5"
"""Rejects sampling and forced tools, always thinks."""
NOVA_PRO = "us.amazon.nova-pro-v1:0"
NOVA_MICRO = "amazon.nova-micro-v1:0"
NOVA_2 = "global.amazon.nova-2-lite-v1:0"
LLAMA = "us.meta.llama3-3-70b-instruct-v1:0"
GPT_OSS = "openai.gpt-oss-120b-1:0"
GPT_55 = "openai.gpt-5.5"


def user(*parts: str | Part) -> Message:
    return Message("user", [Text(part) if isinstance(part, str) else part for part in parts])


def assistant(*parts: str | Part) -> Message:
    return Message("assistant", [Text(part) if isinstance(part, str) else part for part in parts])


def asking(model: str = HAIKU, *turns: Message, system: str = "", **fields: Any) -> ChatRequest:
    if system:
        fields["system"] = [Text(system)]
    return ChatRequest(model=model, messages=list(turns) or [user("How long is the Nile?")], **fields)


def healed(resolver: Resolver, call: ResolvedCall, error: SlipstreamError) -> ResolvedCall | None:
    """The call again, its rules learnt: as where that call has succeeded."""
    found = resolver.heal(call, error)
    if found is None:
        return None
    again, rules = found
    resolver.learn(again.model_id, rules)
    return again


@pytest.fixture
def resolver() -> Resolver:
    return Resolver()

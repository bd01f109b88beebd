"""Token counts, tiers and reasons for stopping in OpenAI's terms."""

from __future__ import annotations

from typing import Any

from slipstream.chat.events import Usage

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
BROKEN = frozenset({"malformed_model_output", "malformed_tool_use"})
"""Reasons that mean: what came is not an answer. OpenAI has no word for them, so they are errors."""

TIERS = {"default": "default", "flex": "flex", "priority": "priority", "reserved": "scale"}
"""Bedrock's tiers → OpenAI's."""


def finish_reason(reason: str, called_tools: bool) -> str:
    """OpenAI's word. Some models end a turn with calls in it without saying so; clients look only at the reason."""
    finished = FINISH_REASONS.get(reason, "stop")
    return "tool_calls" if called_tools and finished == "stop" else finished


def encode(usage: Usage) -> dict[str, Any]:
    """OpenAI's ``usage``: its prompt tokens include those read from and written to the cache."""
    prompt_tokens = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": prompt_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def tier(usage: Usage | None) -> dict[str, str]:
    """``service_tier`` as a reply's field, where the model said which was used."""
    word = TIERS.get(usage.service_tier or "") if usage else None
    return {"service_tier": word} if word else {}

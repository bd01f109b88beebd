"""Chat Completions: what the gateway calls."""

from __future__ import annotations

from slipstream.gateway.openai.completion import complete
from slipstream.gateway.openai.errors import in_callers_words
from slipstream.gateway.openai.request import decode
from slipstream.gateway.openai.sse import stream

__all__ = ["complete", "decode", "in_callers_words", "stream"]

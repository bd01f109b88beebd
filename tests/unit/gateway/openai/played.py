"""An answer whose events are given, and requests to decode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from slipstream.chat.events import Event
from slipstream.chat.request import ChatRequest, Message, Text
from slipstream.gateway.http import Principal
from slipstream.gateway.openai import chat
from slipstream.models.resolved import ResolvedCall

PRINCIPAL = Principal(key_id="k", tenant="acme", models=("fast", "anthropic.*"))
HELLO = [{"role": "user", "content": "Hello"}]
PNG = "iVBORw0KGgo="


class Played:
    """Plays ``events``; ``closed`` tells whether whoever read them closed them."""

    def __init__(self, events: Sequence[Event], *, include_usage: bool = False) -> None:
        request = ChatRequest(model="fast", messages=[Message("user", [Text("hi")])], include_usage=include_usage)
        self.call = ResolvedCall(request=request, target_id="m", model_id="m")
        self.closed = False
        self.exhausted = False
        self.events = self._play(events)

    def _play(self, events: Sequence[Event]) -> Iterator[Event]:
        try:
            yield from events
            self.exhausted = True
        finally:
            self.closed = True

    def report(self) -> dict[str, Any]:
        """Whole only at the end, as the pipeline's."""
        return {"model": "m", "whole": self.exhausted}


def decode(headers: dict[str, str] | None = None, **fields: Any) -> ChatRequest:
    """Decode a small valid request with ``fields`` put in."""
    body = {"model": "fast", "messages": HELLO, **fields}
    return chat.decode(msgspec.json.encode(body), headers or {}, PRINCIPAL)


def turns(messages: list[dict[str, Any]]) -> ChatRequest:
    """Decode a conversation."""
    return decode(messages=messages)

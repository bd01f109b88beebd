"""An answer → one ``chat.completion`` object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from slipstream.chat.events import Event, ReasoningDelta, TextDelta, ToolCallDelta, ToolCallStarted
from slipstream.gateway.openai import usage
from slipstream.gateway.openai.answer import Answer, close, reply_of
from slipstream.gateway.openai.tally import Tally


def complete(answer: Answer) -> bytes:
    """Read the whole answer and encode it. Raises the answer's error, so that it gets its true HTTP status."""
    events = answer.events
    try:
        return _encode(answer, events)
    finally:
        close(events)


def _encode(answer: Answer, events: Iterator[Event]) -> bytes:
    texts: list[str] = []
    thoughts: list[str] = []
    details: list[dict[str, Any]] = []
    calls: dict[int, _Call] = {}
    tally = Tally()
    for event in events:
        if isinstance(event, TextDelta):
            texts.append(event.text)
        elif isinstance(event, ToolCallStarted):
            calls[event.block] = _Call(event)
        elif isinstance(event, ToolCallDelta):
            calls[event.block].arguments.append(event.arguments)
        elif isinstance(event, ReasoningDelta):
            thoughts.append(event.text)
            if whole := tally.reasoning(event):
                details.append(dict(whole))
        else:
            tally.ending(event)
    reason = usage.finish_reason(tally.finished().reason, bool(calls))
    message: dict[str, Any] = {"role": "assistant", "content": _content(texts, bool(calls)), "refusal": None}
    if any(thoughts):
        message["reasoning_content"] = "".join(thoughts)
    if details:
        message["reasoning_details"] = details
    if calls:
        message["tool_calls"] = [call.encode() for call in calls.values()]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    reply: dict[str, Any] = {**reply_of(answer.call.request, "chat.completion"), "choices": [choice]}
    if tally.usage:
        reply["usage"] = usage.encode(tally.usage)
    return msgspec.json.encode({**reply, **usage.tier(tally.usage), "slipstream": answer.report()})


def _content(texts: list[str], called_tools: bool) -> str | None:
    content = "".join(texts)
    return None if called_tools and not content else content


class _Call:
    __slots__ = ("arguments", "started")

    def __init__(self, started: ToolCallStarted) -> None:
        self.started = started
        self.arguments: list[str] = []

    def encode(self) -> dict[str, Any]:
        """A call without arguments has an empty object for them: clients parse what is there."""
        function = {"name": self.started.name, "arguments": "".join(self.arguments) or "{}"}
        return {"id": self.started.id, "type": "function", "function": function}

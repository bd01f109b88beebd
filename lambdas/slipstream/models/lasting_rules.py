"""Which refusals hold for everybody who calls the model, and for how long that is believed.

A rule is shared by all callers, so only a refusal of the field itself makes one: not one of the value that this caller
chose, of the place or company in which it stood, nor one whose wording may be this caller's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from slipstream.chat.request import OtherPart, ToolResult, ToolUse
from slipstream.models.resolved import ResolvedCall

RULE_LIFE_S = 7 * 86_400.0
"""A week: a parameter that a model has begun to accept is sent again within it, and a model that still rejects it costs
one refused call a week, which bills no tokens."""

ENUMERATED = ("service_tier", "reasoning_effort")
"""Their rules hold the value (``service_tier=flex``): that one is refused says nothing of the others."""
_OF_VALUE = re.compile(
    r"\bbetween\b|\brange\b|(?:greater|less|more|longer|shorter) than|\bat (?:most|least)\b|\bm(?:ax|in)imum\b|"
    r"invalid value|\btoo (?:many|long|large|small|high|low)\b|whitespace|\bblank\b|\bempty\b"
)
_OF_PLACE = re.compile(r"\bttl\b|\b(?:5m|1h)\b|\btools?\b|\bsystem\b|\bposition\b")
_NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-])")


def lasting_rule(call: ResolvedCall, name: str, text: str, mention: re.Pattern[str]) -> str | None:
    """The rule to remember where the refusal ``text`` (lower case) is of parameter ``name``; None where it is not."""
    if name in ENUMERATED:
        value = call.service_tier if name == "service_tier" else call.sent[name]
        rule = f"{name}={value}"
    else:
        rule = name
        if _OF_VALUE.search(text) or _names_value(call.sent.get(name), text):
            return None
        if name == "cache_points" and _OF_PLACE.search(text):
            return None
    return None if may_be_callers_words(call, mention) else rule


def may_be_callers_words(call: ResolvedCall, mention: re.Pattern[str]) -> bool:
    """Whether what ``mention`` found may be this caller's text, quoted (a metadata key, a tool's name).

    Fields that were handed on unread may be behind any refusal, so with those it is always so. Prompts are not
    searched: services do not quote them, and they hold every word.
    """
    request = call.request
    if request.converse_extras:
        return True
    parts: list[Any] = [part for message in request.messages for part in message.content]
    parts = [part for part in (*parts, *request.system) if isinstance(part, ToolUse | ToolResult | OtherPart)]
    tools = [(tool.name, tool.description, tool.schema) for tool in request.tools]
    own = (tools, request.metadata, request.user, request.parameters.stop, request.response_format, parts)
    return any(mention.search(word.lower()) for word in _texts(msgspec.to_builtins(own)))


def _names_value(value: Any, text: str) -> bool:
    if isinstance(value, list):
        return any(one.lower() in text for one in value)
    if not isinstance(value, int | float):
        return False
    return any(float(number) == value for number in _NUMBER.findall(text))


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, dict):
            waiting += (*found.keys(), *found.values())
        elif isinstance(found, list | tuple):
            waiting += found

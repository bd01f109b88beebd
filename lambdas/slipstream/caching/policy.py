"""What may be kept and for whom. Whatever is not clearly allowed is not looked up, and not kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from slipstream.caching.key import namespaced
from slipstream.chat.events import Event, OtherDelta, ReasoningDelta, Stopped, TextDelta, ToolCallStarted
from slipstream.chat.request import ChatRequest, Image, Message, Reasoning, Text
from slipstream.models.resolved import ResolvedCall

COMPLETE = frozenset({"end_turn", "stop_sequence"})
"""Reasons that mean: the model said what it had to say. Cut, filtered and broken answers have others."""
CHOSEN = frozenset({"exact", "semantic", "refresh", "race"})
MAX_EVENTS = 100_000


class CachePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's choices. ``personal`` are patterns of what must not be kept; ``shared`` is tenant → namespace."""

    ttl_s: float = 86_400.0
    personal: tuple[re.Pattern[str], ...] = ()
    shared: Mapping[str, str] = {}
    semantic: Literal["off", "rag", "all"] = "off"
    """Whose questions are compared with others': nobody's, those of ``rag:`` models, or all that are looked up."""
    precomputes: bool = False
    """Whether answers are made before anybody asks; hits on them say so."""

    def namespace(self, tenant: str) -> str:
        """Whose answers a tenant reads and writes: its own, unless an operator named a namespace for it."""
        return namespaced(tenant, self.shared.get(tenant))

    def covers(self, call: ResolvedCall, *, grounded: bool) -> bool:
        """Whether an answer to ``call`` may be looked up and kept.

        By default where the answer is meant to be the same each time: temperature 0, and ``rag:`` models. Others by
        choice (``cache: exact``). Never: ``cache: off``, tools that Bedrock itself runs, and what the operator's
        patterns call personal. A caller's own tools only by choice.
        """
        request = call.request
        chosen = request.options.cache
        if chosen == "off" or any(tool.system for tool in request.tools):
            return False
        if chosen not in CHOSEN and (request.tools or not (grounded or call.sent.get("temperature") == 0)):
            return False
        return not self.is_personal(_texts(request))

    def compares(self, call: ResolvedCall, *, grounded: bool) -> bool:
        """Whether another wording's answer may be given to ``call``, which is covered: where ``semantic`` says so, and
        by choice (``cache: semantic``); never where it is off, or the caller wants ``exact`` ones. What is answered
        before anybody asks is given no other's answer, but its own may stand for other wordings.
        """
        chosen = call.request.options.cache
        if self.semantic == "off" or (chosen == "exact" and not self.precomputes):
            return False
        return chosen == "semantic" or self.semantic == "all" or grounded

    def keeps(self, events: Sequence[Event]) -> bool:
        """Whether these events are a whole answer that may be kept: it ended by itself, and calls no tool.

        What only Bedrock's own wire knows (images, citations of its own) is kept; a tool's call is an act.
        """
        if len(events) > MAX_EVENTS or not any(type(e) is Stopped and e.reason in COMPLETE for e in events):
            return False
        if any(type(event) is ToolCallStarted or _acts(event) for event in events):
            return False
        return not self.is_personal(_answered(events))

    def is_personal(self, texts: Iterable[str]) -> bool:
        """Whether one of the operator's patterns is found in one of ``texts``."""
        return bool(self.personal) and any(pattern.search(text) for text in texts for pattern in self.personal)


def _acts(event: Event) -> bool:
    return type(event) is OtherDelta and event.start and event.kind in ("toolUse", "toolResult")


def _texts(request: ChatRequest) -> Iterator[str]:
    yield from (part.text for part in request.system if type(part) is Text)
    for message in request.messages:
        yield from _said(message)


def _said(message: Message) -> Iterator[str]:
    for part in message.content:
        if type(part) in (Text, Reasoning):
            yield part.text  # type: ignore[union-attr]
        elif type(part) is not Image:  # tools' inputs and results, and what Bedrock's wire alone knows
            yield msgspec.json.encode(part).decode()


def _answered(events: Sequence[Event]) -> Iterator[str]:
    yield "".join(event.text for event in events if type(event) is TextDelta)
    yield "".join(event.text for event in events if type(event) is ReasoningDelta)
    yield from (msgspec.json.encode(event.value).decode() for event in events if type(event) is OtherDelta)

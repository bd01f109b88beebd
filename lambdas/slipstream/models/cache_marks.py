"""Keeps cache points inside what Bedrock takes: their number, their places, and a longer TTL before a shorter one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from slipstream.chat.request import CachePoint, ChatRequest, Part, SystemPart, Tool
from slipstream.models.resolved import CacheMark, PromptCache

SYSTEM, TOOLS = -1, -2
"""Positions of the two parts that stand before message 0."""
_NOWHERE = -3
_PLACES = {"tools": "tools", "system": "system", "message": "messages"}


def position(mark: CacheMark) -> int:
    """Where a mark stands in the order in which the model reads: tools, system, then messages by number."""
    return {"tools": TOOLS, "system": SYSTEM}.get(mark.after, mark.index)


def within_limits(
    request: ChatRequest, cache: PromptCache, wanted: list[CacheMark], ttl: str | None
) -> list[CacheMark]:
    """The marks that may be sent beside the caller's own points, in reading order.

    ``ttl`` is for those after tools and system. At most ``cache.max_points`` in all; none where a point of the caller's
    stands already; none before a point that lives an hour, since that point covers the prefix and a shorter TTL must
    not come first. Where there is no room for all, the least worth goes: tools alone, then the turn before.
    """
    own, occupied, last_long = _own_points(request)
    if own:
        ttl = None  # the caller's shorter ones may stand before ours
    keep = [
        mark
        for mark in sorted(wanted, key=_by_worth)
        if position(mark) not in occupied and position(mark) > last_long and _PLACES[mark.after] in cache.places
    ]
    room = max(0, cache.max_points - own)
    return [_living(mark, ttl) for mark in sorted(keep[:room], key=position)]


def _by_worth(mark: CacheMark) -> tuple[int, int]:
    """The longest stable prefix first, then the newest turn, then earlier ones, then tools alone."""
    return {"system": 0, "message": 1, "tools": 2}[mark.after], -mark.index


def _living(mark: CacheMark, ttl: str | None) -> CacheMark:
    return msgspec.structs.replace(mark, ttl=ttl) if ttl and mark.after != "message" else mark


def _own_points(request: ChatRequest) -> tuple[int, set[int], int]:
    """The caller's points: how many, the positions that end with one, and that of the last that lives an hour."""
    count, occupied, last_long = 0, set(), _NOWHERE
    for tool in request.tools:
        if tool.cache_point is not None:
            count += 1
            if tool.cache_point.ttl == "1h":
                last_long = TOOLS
    if request.tools and request.tools[-1].cache_point is not None:
        occupied.add(TOOLS)
    places: list[tuple[int, Sequence[Part | SystemPart]]] = [(SYSTEM, request.system)]
    places += [(index, message.content) for index, message in enumerate(request.messages)]
    for at, parts in places:
        for part in parts:
            if type(part) is CachePoint:
                count += 1
                if part.ttl == "1h":
                    last_long = at
        if parts and type(parts[-1]) is CachePoint:
            occupied.add(at)
    return count, occupied, last_long


def has_own_points(request: ChatRequest) -> bool:
    """Whether the caller put cache points anywhere."""
    return _own_points(request)[0] > 0


def without_own_points(request: ChatRequest, notes: list[str]) -> ChatRequest:
    """The request without the caller's cache points, told in ``notes`` if there were any: they only save money."""
    if not has_own_points(request):
        return request
    notes.append("your cachePoints left out: the model rejects them")
    messages = [
        msgspec.structs.replace(message, content=[part for part in message.content if type(part) is not CachePoint])
        for message in request.messages
    ]
    system = [part for part in request.system if type(part) is not CachePoint]
    return msgspec.structs.replace(request, tools=without_points(request.tools), messages=messages, system=system)


def without_points(tools: list[Tool]) -> list[Tool]:
    """Tools without the caller's cache points: what the prefix's identity depends on."""
    if all(tool.cache_point is None for tool in tools):
        return tools
    return [msgspec.structs.replace(tool, cache_point=None) for tool in tools]

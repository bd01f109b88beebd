"""A kept answer that is served: its events again, and what the reply says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import sleep as really_sleep
from typing import Any

import msgspec

from slipstream.caching.entry import Answered
from slipstream.caching.store import Head
from slipstream.chat.events import Event, ReasoningDelta, TextDelta, ToolCallDelta


class Hit(msgspec.Struct, frozen=True):
    """``age_s`` is counted from when the answer was made; never below 0, whatever the clocks say."""

    head: Head
    answered: Answered
    age_s: float

    def report(self) -> dict[str, Any]:
        """What the reply's ``slipstream.cache`` says beside the outcome."""
        out: dict[str, Any] = {
            "kind": "exact",
            "entry": self.head.entry_id,
            "age_s": round(self.age_s, 3),
            "expires_in_s": round(max(0.0, self.head.expires_s - self.head.created_s - self.age_s), 3),
            "original": {"total_ms": round(self.answered.total_ms, 3)},
        }
        if self.answered.ttft_ms is not None:
            out["original"]["ttft_ms"] = round(self.answered.ttft_ms, 3)
        if self.answered.cost_usd is not None:
            out["original"]["cost_usd"] = self.answered.cost_usd
        if self.answered.precomputed:
            out["precomputed"] = True
        if self.head.documents:
            out["documents"] = [{"document": one.document, "version": one.version} for one in self.head.documents]
        return out


def replay(
    events: tuple[Event, ...], chunks_per_s: float = 0.0, sleep: Callable[[float], None] = really_sleep
) -> Iterator[Event]:
    """The events with their original borders, at once or at ``chunks_per_s`` pieces of content a second."""
    if chunks_per_s <= 0:
        yield from events
        return
    first = True
    for event in events:
        if type(event) in (TextDelta, ReasoningDelta, ToolCallDelta):
            if not first:
                sleep(1 / chunks_per_s)
            first = False
        yield event


class Kept:
    """Passages and citations of a kept answer, as its first reply told them."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told

    def report(self) -> dict[str, Any]:
        """See Grounding.report."""
        return dict(self._told)

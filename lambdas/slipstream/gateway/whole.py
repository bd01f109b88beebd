"""An answer in one piece that is long in coming: hosts in between cut a line on which nothing moves.

Its status and length are only known at its end, so as long as the line may stay silent nothing is sent. Then the answer
commits itself: status 200, a space as a sign of life now and at every heartbeat (JSON may begin with spaces), the body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from slipstream.chat.events import Event, Heartbeat

if TYPE_CHECKING:
    from slipstream.gateway.pipeline import Answer

SIGN_OF_LIFE = b" "


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How long the line may stay silent: ``silence_s`` until an answer commits itself, then ``heartbeat_s``."""

    silence_s: float = 240.0
    heartbeat_s: float = 15.0
    clock: Callable[[], float] = perf_counter
    """Monotonic seconds, those of ``HttpRequest.received_s``."""


class WholeAnswer:
    """Collects an answer's events while watching the time; ``encode`` makes the body from them."""

    def __init__(self, answer: Answer, encode: Callable[[Answer], bytes], pace: Pace) -> None:
        self._answer = answer
        self._encode = encode
        self._pace = pace
        self._events = answer.events
        self._kept: list[Event] = []

    def wait(self, until_s: float) -> bool:
        """Whether the whole answer was there before ``until_s``. Raises what breaks it, but for Failed events."""
        clock, kept = self._pace.clock, self._kept
        for event in self._events:
            kept.append(event)
            if clock() >= until_s:
                return False
        return True

    def body(self) -> bytes:
        """The encoded answer. Raises what a Failed event carries, or StreamCut."""
        self._answer.events = iter(self._kept)
        return self._encode(self._answer)

    def committed(self) -> Iterator[bytes]:
        """Signs of life until the answer is there, then its body.

        An answer that fails is broken off by its exception: what has been sent is no JSON, and no end follows it.
        """
        clock, heartbeat_s = self._pace.clock, self._pace.heartbeat_s
        try:
            yield SIGN_OF_LIFE
            shown_s = clock()
            for event in self._events:
                self._kept.append(event)
                if isinstance(event, Heartbeat) or clock() - shown_s >= heartbeat_s:
                    yield SIGN_OF_LIFE
                    shown_s = clock()
            yield self.body()
        finally:
            if (close := getattr(self._events, "close", None)) is not None:
                close()

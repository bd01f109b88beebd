"""What a small model is asked beside an answer, so that it may be late or silent: its port, and its rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock
from time import monotonic
from typing import Protocol

from slipstream.chat.events import Event
from slipstream.disconnect import Disconnect
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Waterfall

REST_AFTER, REST_S = 3, 60.0
"""After so many calls in a row that came to nothing, none is made for a while: each has cost its asker the limit."""


class Streams(Protocol):
    """A model service, as the gateway's pipeline calls it."""

    def stream(self, call: ResolvedCall, waterfall: Waterfall, disconnect: Disconnect) -> Iterator[Event]:
        """Yield the answer's events; raises a SlipstreamError before the first one."""
        ...


class Rest:
    """Whether a model is left alone for now. Safe for threads."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """``clock``: monotonic seconds."""
        self._clock = clock
        self._in_vain = 0
        self._until_s = 0.0
        self._lock = Lock()

    def lasts(self) -> bool:
        """Whether no call is to be made."""
        with self._lock:
            return self._clock() < self._until_s

    def note(self, *, came: bool) -> None:
        """A call is over; ``came``: it had what it was made for."""
        with self._lock:
            self._in_vain = 0 if came else self._in_vain + 1
            if self._in_vain >= REST_AFTER:
                self._in_vain, self._until_s = 0, self._clock() + REST_S

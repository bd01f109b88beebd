"""A kept answer against the model: both are asked at once, and the one that is there first answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Lock
from typing import Any, TypeVar

from slipstream.beside import Pending
from slipstream.caching.hit import Hit
from slipstream.caching.watched import Watched
from slipstream.errors import SlipstreamError
from slipstream.telemetry.waterfall import Waterfall

T = TypeVar("T")


class Race:
    """One race. The model is called on the request's own thread, so that a miss costs no hand-over; the thread of a
    look-up that hits gives the call up.
    """

    def __init__(self, waterfall: Waterfall, watched: Watched, ready: Callable[[], Hit | None]) -> None:
        """``ready`` is the hit, once there is one; ``watched`` is the line by which the call is given up."""
        self._waterfall = waterfall
        self._watched = watched
        self._ready = ready
        self._first = ""
        self._deciding = Lock()

    def run(
        self, work: Callable[[Waterfall], T], looking: Iterable[Pending[Any]], drop: Callable[[T], None]
    ) -> tuple[Hit | None, T | None]:
        """The hit that one of ``looking`` brought before the model answered, or what ``work`` gave.

        A call that came to its first event all the same is ended by ``drop``. Raises what ``work`` raises.
        """
        side = Waterfall(self._waterfall.origin_s)
        self._watched.may_be_given_up()
        for pending in looking:
            pending.when_done(self._overtakes)
        try:
            given = work(side)
        except SlipstreamError:
            if self._is_first("model"):
                raise
        else:
            if self._is_first("model"):
                self._waterfall.adopt(side)
                return None, given
            with suppress(SlipstreamError):
                drop(given)
        return self._ready(), None

    def _overtakes(self) -> None:
        """A look-up is over: where it hit before the model said anything, the call ends."""
        if self._ready() is not None and self._is_first("hit"):
            self._watched.give_up()

    def _is_first(self, who: str) -> bool:
        with self._deciding:
            self._first = self._first or who
            return self._first == who

"""A kept answer against the model: both are asked at once, and the one that is there first answers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from slipstream.beside import Beside, Pending, first_of
from slipstream.caching.hit import Hit
from slipstream.caching.watched import Watched
from slipstream.errors import SlipstreamError
from slipstream.telemetry.waterfall import Waterfall

T = TypeVar("T")


class Race(Generic[T]):
    """One race; ``calling`` is the model's side of it."""

    def __init__(
        self, beside: Beside, waterfall: Waterfall, watched: Watched, work: Callable[[Waterfall], T]
    ) -> None:  # fmt: skip
        """``work`` calls the model; ``watched`` is the line by which its call is given up."""
        self._waterfall = waterfall
        self._watched = watched
        self._side = side = Waterfall(waterfall.origin_s)
        watched.may_be_given_up()
        self.calling: Pending[T] = beside.start(lambda: work(side))

    def run(
        self, looking: tuple[Pending[Any], ...], ready: Callable[[], Hit | None], drop: Callable[[T], None]
    ) -> Hit | None:  # fmt: skip
        """The hit, if one of ``looking`` makes it ``ready`` before the model answers; None: take ``result``.

        On a hit the call is given up; had it come to its first event already, ``drop`` ends it.
        """
        first_of(self.calling, looking, lambda: ready() is not None)
        if self.calling.done or (found := ready()) is None:
            return None
        self._watched.give_up()
        self.calling.when_done(lambda: _drop(self.calling, drop))
        return found

    def result(self) -> T:
        """What the model's call came to. Raises what it raised."""
        self._waterfall.adopt(self._side)
        return self.calling.result()

    def close(self) -> None:
        """Let go of the line once the call has ended."""
        self.calling.when_done(self._watched.close)


def _drop(calling: Pending[T], drop: Callable[[T], None]) -> None:
    with suppress(SlipstreamError):
        drop(calling.result(0.0))

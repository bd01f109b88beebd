"""Identical requests in one process: the first one looks and asks, the others take what it gets."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from threading import Event as Flag
from threading import Lock
from typing import TYPE_CHECKING, Any

from slipstream.caching.live import Live, Reader
from slipstream.disconnect import Disconnect
from slipstream.errors import ClientGone, SlipstreamError

if TYPE_CHECKING:
    from slipstream.caching.hit import Hit

LOOK_S = 0.25
"""How often a follower looks whether its own caller is still there."""


class Flight:
    """What the first of several identical requests will get: an answer under way, a kept one, or an error."""

    def __init__(self) -> None:
        self._known = Flag()
        self._error: SlipstreamError | None = None
        self.live: Live | None = None
        self.hit: Hit | None = None
        self.grounding: Any = None
        """What the first one's reply says of its passages; shared, whole at the answer's end."""
        self.settle: Callable[[], None] = lambda: None
        """Keeps the answer once it is over; may be called by each of them."""
        self.serves: Callable[[], bool] = lambda: True
        """Whether one who joins now may still have it."""

    def lands(
        self,
        *,
        live: Live | None = None,
        hit: Hit | None = None,
        grounding: Any = None,
        settle: Callable[[], None] | None = None,
        serves: Callable[[], bool] | None = None,
    ) -> None:
        """Tell the others what there is."""
        self.live, self.hit, self.grounding = live, hit, grounding
        self.settle = settle or self.settle
        self.serves = serves or self.serves
        self._known.set()

    def fails(self, error: BaseException) -> None:
        """Tell the others that there is no answer: the same request would fail for the same reason.

        That its caller hung up is no reason for others.
        """
        if isinstance(error, SlipstreamError) and not isinstance(error, ClientGone):
            self._error = error
        self._known.set()

    def follow(self, disconnect: Disconnect) -> Reader | Hit | None:
        """Wait for the first one's answer; None: go your own way. Raises its error, or ClientGone."""
        while not self._known.wait(LOOK_S):
            if disconnect.gone():
                raise ClientGone("the client closed its connection before the answer was complete")
        if self._error is not None:
            raise copy(self._error)
        if not self.serves():
            return None
        return self.hit or (self.live.join() if self.live is not None else None)


class Flights:
    """Flights under way, by what was asked."""

    def __init__(self) -> None:
        self._flights: dict[Any, Flight] = {}
        self._lock = Lock()

    def board(self, key: Any) -> tuple[Flight, bool]:
        """The flight of ``key``, and whether the asker leads it."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None:
                return flight, False
            flight = self._flights[key] = Flight()
            return flight, True

    def leave(self, key: Any, flight: Flight) -> None:
        """Let nobody else board ``flight``."""
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]

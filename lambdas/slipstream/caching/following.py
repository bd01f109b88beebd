"""One request among identical ones in this process: it leads them, or takes what their first one gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slipstream.caching.flights import Flight, Flights
from slipstream.caching.hit import Hit
from slipstream.caching.live import Live, Reader
from slipstream.disconnect import Disconnect

BOARDINGS = 3
"""How often a follower whose leader hung up joins another before it goes its own way."""


class Following:
    """A place on a flight of the same request."""

    def __init__(self, flights: Flights, key: Any) -> None:
        self._flights = flights
        self._key = key
        self._flight: Flight | None = None
        self.leads = False

    def board(self) -> bool:
        """Join the others; False where this request leads."""
        self._flight, self.leads = self._flights.board(self._key)
        return not self.leads

    @property
    def follows(self) -> bool:
        """Whether somebody else leads."""
        return self._flight is not None and not self.leads

    def wait(self, disconnect: Disconnect) -> Hit | Reader | None:
        """What the first one gets; None: this request leads now, or goes its own way. Raises as Flight.follow does."""
        for _ in range(BOARDINGS):
            assert self._flight is not None  # noqa: S101
            found = self._flight.follow(disconnect)
            if found is not None:
                return found
            self.leave()
            if not self.board():
                return None
        self._flight = None
        return None

    def lands(
        self,
        *,
        serves: Callable[[], bool],
        hit: Hit | None = None,
        live: Live | None = None,
        grounding: Any = None,
        settle: Callable[[], None] | None = None,
    ) -> None:
        """Tell those who follow what there is. An answer that is kept already needs nobody to join later."""
        if self.leads and self._flight is not None:
            self._flight.lands(live=live, hit=hit, grounding=grounding, settle=settle, serves=serves)
            if hit is not None:
                self.leave()

    def fails(self, error: BaseException) -> None:
        """There will be no answer: tell those who follow, and let the next one lead."""
        if self.leads and self._flight is not None:
            self._flight.fails(error)
            self.leave()

    def leave(self) -> None:
        """Let nobody else board."""
        if self._flight is not None:
            self._flights.leave(self._key, self._flight)

    @property
    def grounding(self) -> Any:
        """What the first one's reply says of its passages."""
        return self._flight.grounding if self._flight is not None else None

    def settle(self) -> None:
        """Do what the first one owes after the last byte: it may have left before."""
        if self._flight is not None:
            self._flight.settle()

"""One request's look-up of its own answer: within its limit, and the wait for another environment's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slipstream.caching.hit import Hit
from slipstream.caching.lookup import Looked
from slipstream.caching.store import Lease, Place, Wanted
from slipstream.disconnect import Disconnect
from slipstream.errors import ClientGone, SlipstreamError
from slipstream.telemetry.waterfall import Waterfall

if TYPE_CHECKING:
    from slipstream.caching.answers import AnswerCache

FIRST_LOOK_S, LONGEST_LOOK_S = 0.02, 0.16
"""How soon, and how seldom at last, it is looked whether another environment's answer is there."""


class Looking:
    """On another thread from the beginning. ``outcome`` is miss, late or unavailable; ``notes`` go into the reply."""

    def __init__(
        self,
        cache: AnswerCache,
        place: Place,
        wanted: Callable[[], Wanted],
        waterfall: Waterfall,
        notes: dict[str, Any],
    ) -> None:
        """``wanted`` says what is wanted at the moment."""
        now = wanted()
        self._cache = cache
        self._place = place
        self._wanted = wanted
        self._waterfall = waterfall
        self._notes = notes
        self._holder = now.holder
        self._span = waterfall.begin("cache")
        self.pending = cache.beside.start(lambda: cache.lookup.look(place, now))
        self.outcome = "miss"

    def result(self) -> Looked | None:
        """What was found within the limit; None: it is late, or the table failed."""
        began_s = self._waterfall.origin_s + self._span.start_ms / 1000
        left_s = began_s + self._cache.limits.look_s - time.perf_counter()
        try:
            looked = self.pending.result(max(0.0, left_s))
        except TimeoutError:
            self.outcome = "late"
            return None
        except SlipstreamError as error:
            self.outcome, self._notes["error"] = "unavailable", error.code
            return None
        finally:
            self.close()
        self._note(looked)
        return looked

    def close(self) -> None:
        """End its span: nobody waits any more."""
        if self._span.end_ms is None:
            self._waterfall.end(self._span)

    def _note(self, looked: Looked) -> None:
        if looked.dropped:
            self._notes["dropped"] = looked.dropped

    def ready(self) -> Hit | None:
        """The hit, where it is there by now."""
        if not self.pending.done:
            return None
        try:
            return self.pending.result(0.0).hit
        except SlipstreamError:
            return None

    def overtaken(self) -> None:
        """The model was first: say what became of the look-up."""
        self.close()
        if not self.pending.done or self.ready() is not None:
            self.outcome = "late"
            return
        try:
            self._note(self.pending.result(0.0))
        except SlipstreamError as error:
            self.outcome, self._notes["error"] = "unavailable", error.code

    def wait_for(self, lease: Lease, disconnect: Disconnect) -> Hit | None:
        """Wait for another environment's answer, no longer than its lease; None where it comes to none."""
        cache, pause_s = self._cache, FIRST_LOOK_S
        patience_s = min(lease.until_s - cache.clock(), cache.limits.lease_s)
        until_s = cache.clock() + patience_s
        with self._waterfall.span("follow"):
            while cache.clock() < until_s:
                cache.sleep(pause_s)
                pause_s = min(pause_s * 1.5, LONGEST_LOOK_S)
                if disconnect.gone():
                    raise ClientGone("the client closed its connection before the answer was complete")
                try:
                    looked = cache.lookup.again(self._place, self._wanted())
                except SlipstreamError as error:
                    self._notes["error"] = error.code
                    return None
                self._note(looked)
                if looked.hit is not None or looked.lease is None or looked.lease.holder != lease.holder:
                    return looked.hit
        self._notes["waited"] = "in vain"
        return None

    def release(self) -> None:
        """Give the lease back, also one that came too late to be known of."""
        try:
            looked = self.pending.result(self._cache.limits.lease_s)
            if looked.mine:
                self._cache.store.release(self._place, self._holder)
        except (SlipstreamError, TimeoutError):
            return  # the lease ends by itself

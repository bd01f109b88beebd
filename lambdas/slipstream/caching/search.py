"""One request's way through the cache: look, wait for others, race, share and keep, and what the reply says of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from os import urandom
from typing import TYPE_CHECKING, Any, TypeVar

from slipstream.beside import Pending, first_of
from slipstream.caching.flights import Flight
from slipstream.caching.hit import Hit, replay
from slipstream.caching.live import Reader
from slipstream.caching.lookup import Looked
from slipstream.caching.making import Describe, Making
from slipstream.caching.store import DocumentVersion, Lease, Place, Wanted
from slipstream.caching.watched import Watched
from slipstream.chat.events import Event
from slipstream.disconnect import Disconnect
from slipstream.errors import ClientGone, SlipstreamError
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Span, Waterfall
from slipstream.ulid import ulid

if TYPE_CHECKING:
    from slipstream.caching.answers import AnswerCache

T = TypeVar("T")
FIRST_LOOK_S, LONGEST_LOOK_S = 0.02, 0.16
"""How soon, and how seldom at last, it is looked whether another environment's answer is there."""
SHOWN = 16
"""Signs of the key that the reply tells: enough to find an answer, and to end it."""
BOARDINGS = 3
"""How often a follower whose leader hung up joins another before it goes its own way."""


class Search:
    """One request's way through the cache. ``outcome`` is what became of it: see ``report``."""

    def __init__(
        self, cache: AnswerCache, place: Place, call: ResolvedCall, waterfall: Waterfall, disconnect: Disconnect
    ) -> None:
        self._cache = cache
        self._waterfall = waterfall
        self._disconnect = disconnect
        self._options = call.request.options
        self._holder = ulid(int(cache.clock() * 1000), urandom(10))
        self._asked_s = cache.clock()
        self._flight: Flight | None = None
        self._leads = False
        self._pending: Pending[Looked] | None = None
        self._span: Span | None = None
        self._raced: Pending[Any] | None = None
        self._aside: Watched | None = None
        self._making: Making | None = None
        self.place = place
        self.outcome = "miss"
        self.notes: dict[str, Any] = {}
        self.hit: Hit | None = None
        self.watched = Watched(disconnect)
        if self._options.cache == "refresh":
            self.outcome = "refresh"
        elif not self._board():
            self._start()

    # -- before the model is called

    def _board(self) -> bool:
        """Join a flight of the same request in this process; False where this request leads it."""
        options = self._options
        key = (self.place, options.deadline_ms, options.max_age_s)
        self._flight_key = key
        self._flight, self._leads = self._cache.flights.board(key)
        return not self._leads

    def _start(self) -> None:
        wanted = self._wanted()
        self._span = self._waterfall.begin("cache")
        self._pending = self._cache.beside.start(lambda: self._cache.lookup.look(self.place, wanted))

    def _wanted(self) -> Wanted:
        now_s, limits = self._cache.clock(), self._cache.limits
        oldest_s = 0.0 if self._options.max_age_s is None else now_s - self._options.max_age_s
        return Wanted(
            now_s=now_s, oldest_s=oldest_s, lives_s=limits.lives_s, holder=self._holder, lease_s=limits.lease_s
        )

    def found(self) -> Hit | Reader | None:
        """A kept answer, or one that is on its way in this process; None: call the model, then ``share`` its answer.

        Raises what the one who asks the same right now was told, and ClientGone.
        """
        found = self._followed() if self._flight is not None and not self._leads else None
        if found is None and self._pending is not None:
            found = self._looked()
        if isinstance(found, Hit):
            self._land(found)
        elif found is not None:
            self.outcome = "joined"
        return found

    def _land(self, hit: Hit) -> None:
        self.outcome, self.hit = "hit", hit
        if self._aside is not None:
            self._aside.give_up()
        if self._leads and self._flight is not None:
            self._flight.lands(hit=hit, serves=lambda: self._cache.holds(hit.head.documents, hit.head.asked_s))
            self._leave()

    def _followed(self) -> Hit | Reader | None:
        with self._waterfall.span("follow"):
            for _ in range(BOARDINGS):
                assert self._flight is not None  # noqa: S101
                found = self._flight.follow(self._disconnect)
                if found is not None:
                    return found
                self._leave()
                if not self._board():
                    self._start()
                    return None
        self._flight = None
        return None

    def _looked(self) -> Hit | None:
        assert self._pending is not None  # noqa: S101
        began_s = self._waterfall.origin_s + (self._span.start_ms / 1000 if self._span else 0.0)
        left_s = began_s + self._cache.limits.look_s - time.perf_counter()
        try:
            looked = self._pending.result(max(0.0, left_s))
        except TimeoutError:
            self.outcome = "late"
            return None
        except SlipstreamError as error:
            self.outcome = "unavailable"
            self.notes["error"] = error.code
            return None
        finally:
            self._close_span()
        self._note(looked)
        if looked.lease is not None and not looked.mine:
            return self._waited(looked.lease)
        return looked.hit

    def _close_span(self) -> None:
        if self._span is not None and self._span.end_ms is None:
            self._waterfall.end(self._span)

    def _note(self, looked: Looked) -> None:
        if looked.dropped:
            self.notes["dropped"] = looked.dropped

    def _waited(self, lease: Lease) -> Hit | None:
        """Wait for another environment's answer, no longer than its lease; None where it comes to none."""
        cache, pause_s = self._cache, FIRST_LOOK_S
        patience_s = min(lease.until_s - cache.clock(), cache.limits.lease_s)
        until_s = cache.clock() + patience_s
        with self._waterfall.span("follow"):
            while cache.clock() < until_s:
                cache.sleep(pause_s)
                pause_s = min(pause_s * 1.5, LONGEST_LOOK_S)
                if self._disconnect.gone():
                    raise ClientGone("the client closed its connection before the answer was complete")
                try:
                    looked = cache.lookup.again(self.place, self._wanted())
                except SlipstreamError as error:
                    self.notes["error"] = error.code
                    return None
                self._note(looked)
                if looked.hit is not None or looked.lease is None or looked.lease.holder != lease.holder:
                    return looked.hit
        self.notes["waited"] = "in vain"
        return None

    def fails(self, error: BaseException) -> None:
        """There will be no answer: tell whoever follows, and let the next one lead."""
        if self._leads and self._flight is not None:
            self._flight.fails(error)
            self._leave()
        if self._aside is not None:
            self._aside.give_up()
        self._close_race()
        self._cache.beside.start(self._release)

    def _leave(self) -> None:
        if self._flight is not None:
            self._cache.flights.leave(self._flight_key, self._flight)

    def race(self, work: Callable[[Waterfall], T], drop: Callable[[T], None]) -> Hit | T:
        """A kept answer, or what ``work`` (calling the model) gives, whichever is there first.

        On a hit the call is given up; had it come to its first event already, ``drop`` ends it. Raises what ``work``
        raises.
        """
        assert self._pending is not None  # noqa: S101
        side = Waterfall(self._waterfall.origin_s)
        self.watched.may_be_given_up()
        self._raced = calling = self._cache.preparing.start(lambda: work(side))
        first_of(calling, self._pending, self._has_hit)
        if not calling.done and (found := self._looked()) is not None:
            self._land(found)
            self.watched.give_up()
            calling.when_done(lambda: _drop(calling, drop))
            return found
        self._close_span()
        self._overtaken(self._pending)
        self._waterfall.adopt(side)
        return calling.result()

    def _overtaken(self, looking: Pending[Looked]) -> None:
        """The model was first: say what became of the look-up."""
        if not looking.done or self._has_hit():
            self.outcome = "late"
            return
        try:
            self._note(looking.result(0.0))
        except SlipstreamError as error:
            self.outcome, self.notes["error"] = "unavailable", error.code

    def _has_hit(self) -> bool:
        """Whether the look-up is over and found something."""
        pending = self._pending
        if pending is None or not pending.done:
            return False
        try:
            return pending.result(0.0).hit is not None
        except SlipstreamError:
            return False

    def _close_race(self) -> None:
        if self._raced is not None:
            self._raced.when_done(self.watched.close)

    @property
    def looking(self) -> bool:
        """Whether a look-up is on its way, so that there is time for something else."""
        return self._pending is not None

    def beside(self, work: Callable[[Disconnect], T]) -> Pending[T]:
        """Do ``work`` while the look-up is on its way; where that hits, it is given up by the line that it gets."""
        self._aside = line = Watched(self._disconnect)
        line.may_be_given_up()
        pending = self._cache.preparing.start(lambda: work(line))
        pending.when_done(line.close)
        return pending

    def replay(self, hit: Hit) -> Iterator[Event]:
        """A kept answer's events, at the pace that was set."""
        return replay(hit.answered.events, self._cache.limits.chunks_per_s, self._cache.sleep)

    def share(
        self,
        events: Iterator[Event],
        close: Callable[[], None],
        describe: Describe,
        grounding: Any = None,
        documents: tuple[DocumentVersion, ...] = (),
    ) -> Reader:
        """The events of a miss, for this request and for all that follow it; ``close`` ends the model's call.

        ``documents`` are what the model has to read, ``grounding`` what the reply says of them.
        """
        self._making = making = Making(self._cache, self.place, self._asked_s, describe=describe, documents=documents)
        reader = making.begin(events, close, self.watched)
        if self._leads and self._flight is not None:
            self._flight.lands(live=making.live, grounding=grounding, settle=self._settle_own, serves=making.serves)
        return reader

    @property
    def grounding(self) -> Any:
        """What the first one's reply says of its passages, for one who joined it."""
        return self._flight.grounding if self._flight is not None else None

    def settle(self) -> None:
        """After the last byte: keep the answer if it came to its end, and give the lease back if not. Never raises.

        Whoever follows to the end settles for the first one too, who may have left before it.
        """
        self._close_race()
        if self.outcome == "joined" and self._flight is not None:
            self._flight.settle()
        self._settle_own()

    def _settle_own(self) -> None:
        kept = self._making.settle() if self._making is not None else None
        if kept is None:
            return
        self.notes["kept"] = kept
        if self._making is not None and self._making.error:
            self.notes["error"] = self._making.error
        self._leave()
        if not kept:
            self._release()

    def _release(self) -> None:
        """Give the lease back, also one that came too late to be known of."""
        if self._pending is None:
            return
        try:
            looked = self._pending.result(self._cache.limits.lease_s)
            if looked.mine:
                self._cache.store.release(self.place, self._holder)
        except (SlipstreamError, TimeoutError):
            return  # the lease ends by itself

    # -- what the reply and the metrics say

    @property
    def raced(self) -> bool:
        """Whether a model was called although the answer was kept: its input is paid for."""
        return self.hit is not None and self._raced is not None

    @property
    def served(self) -> bool:
        """Whether the answer is not this request's own call of a model."""
        return self.outcome in ("hit", "joined")

    def report(self) -> dict[str, Any]:
        """The reply's ``slipstream.cache``: ``outcome`` is hit, joined, miss, late, unavailable or refresh."""
        told: dict[str, Any] = {"outcome": self.outcome, "key": self.place.key[:SHOWN]}
        if self.raced:
            told["raced"] = "a model was called at once and given up: its input tokens are paid, as in cost_usd"
        return told | (self.hit.report() if self.hit is not None else {}) | self.notes

    def figures(self) -> dict[str, float]:
        """Counts for the metrics, names as CloudWatch shows them."""
        out = {f"cache_{self.outcome}": 1.0}
        if self.raced:
            out["cache_raced"] = 1.0
        if "dropped" in self.notes:
            out["cache_dropped"] = 1.0
        if self.outcome == "late" and self._has_hit():
            out["cache_late_hit"] = 1.0
        if "error" in self.notes and self.outcome != "unavailable":
            out["cache_error"] = 1.0
        return out


def _drop(calling: Pending[T], drop: Callable[[T], None]) -> None:
    with suppress(SlipstreamError):
        drop(calling.result(0.0))

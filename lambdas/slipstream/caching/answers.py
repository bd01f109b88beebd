"""Answers that are already there, or on their way: what the pipeline asks before it calls a model.

``AnswerCache.begin`` starts the look-up beside the rest of the preparation and hands back a ``Search`` of it;
``Search.found`` waits, within its limit, for a kept answer or for somebody who is making the same one; a miss hands
its events to ``Search.share``, and ``Search.settle`` keeps them after the last byte. A store that fails fails nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from os import urandom
from threading import Condition, Lock
from typing import Any, TypeVar

import msgspec

from slipstream.caching.beside import Beside, Pending
from slipstream.caching.bodies import Remembered
from slipstream.caching.entry import Answered, pack
from slipstream.caching.flights import Flight, Flights
from slipstream.caching.hit import Hit, replay
from slipstream.caching.key import Sources, key_of
from slipstream.caching.live import Live, Reader, Watched
from slipstream.caching.lookup import Looked, Lookup
from slipstream.caching.policy import CachePolicy
from slipstream.caching.store import AnswerStore, DocumentVersion, Head, Lease, Place, Wanted
from slipstream.chat.events import Event
from slipstream.disconnect import Disconnect
from slipstream.errors import ClientGone, SlipstreamError
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Span, Waterfall
from slipstream.ulid import ulid

T = TypeVar("T")
FIRST_LOOK_S, LONGEST_LOOK_S = 0.02, 0.16
"""How soon, and how seldom at last, it is looked whether another environment's answer is there."""
Describe = Callable[[tuple[Event, ...]], Answered | None]
"""Makes what is kept of an answer's events; None: it is not to be kept."""
SHOWN = 16
"""Signs of the key that the reply tells: enough to find an answer, and to end it."""
BOARDINGS = 3
"""How often a follower whose leader hung up joins another before it goes its own way."""


class CacheLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds. ``look_s``: what a look-up may take; ``lease_s``: how long others wait for an answer."""

    look_s: float = 0.05
    lease_s: float = 10.0
    remembered_bytes: int = 16 * 1024 * 1024
    chunks_per_s: float = 0.0
    """Pace at which a kept answer is shown; 0: at once."""


class AnswerCache:
    """Built once an environment; safe for threads."""

    def __init__(
        self,
        store: AnswerStore,
        *,
        policy: CachePolicy | None = None,
        limits: CacheLimits | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``clock`` gives Unix time (s); ``sleep`` is how it waits for others, and between the pieces of a replay."""
        self.policy = policy or CachePolicy()
        self.limits = limits or CacheLimits()
        self.store = store
        self.clock = clock
        self.sleep = sleep
        self.flights = Flights()
        self.beside = Beside()
        self.preparing = Beside()
        self.lookup = Lookup(store, Remembered(self.limits.remembered_bytes), clock)

    def begin(
        self, call: ResolvedCall, waterfall: Waterfall, disconnect: Disconnect, sources: Sources | None = None
    ) -> Search | None:
        """Start to look for the answer to ``call``; None where it is not to be looked for, nor kept."""
        if not self.policy.covers(call, grounded=sources is not None):
            return None
        namespace = self.policy.namespace(call.request.tenant)
        place = Place(namespace, key_of(call, namespace, sources))
        return Search(self, place, call, waterfall, disconnect)


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
        self._live: Live | None = None
        self._pending: Pending[Looked] | None = None
        self._span: Span | None = None
        self._raced: Pending[Any] | None = None
        self._settling = Lock()
        self._settled = False
        self._describe: Describe
        self._documents: tuple[DocumentVersion, ...] = ()
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
        now_s = self._cache.clock()
        oldest_s = 0.0 if self._options.max_age_s is None else now_s - self._options.max_age_s
        return Wanted(now_s=now_s, oldest_s=oldest_s, holder=self._holder, lease_s=self._cache.limits.lease_s)

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
        if self._leads and self._flight is not None:
            self._flight.lands(hit=hit, serves=lambda: self._holds(hit.head.documents, hit.head.asked_s))
            self._leave()

    def _followed(self) -> Hit | Reader | None:
        with self._waterfall.span("follow"):
            for _ in range(BOARDINGS):
                assert self._flight is not None  # noqa: S101
                found = self._flight.follow(self._disconnect)
                if found is not None:
                    self._live = self._flight.live
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
        looking, side, either = self._pending, Waterfall(self._waterfall.origin_s), Condition()
        self.watched.may_be_given_up()
        calling = self.beside(lambda: work(side))
        self._raced = calling

        def tell() -> None:
            with either:
                either.notify()

        looking.when_done(tell)
        calling.when_done(tell)
        with either:
            either.wait_for(lambda: calling.done or self._has_hit())
        if not calling.done and (found := self._looked()) is not None:
            self._land(found)
            self.watched.give_up()
            calling.when_done(lambda: self._drop(calling, drop))
            return found
        self._close_span()
        self._overtook(looking)
        self._waterfall.adopt(side)
        return calling.result()

    def _overtook(self, looking: Pending[Looked]) -> None:
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

    @staticmethod
    def _drop(calling: Pending[T], drop: Callable[[T], None]) -> None:
        with suppress(SlipstreamError):
            drop(calling.result(0.0))

    @property
    def looking(self) -> bool:
        """Whether a look-up is on its way, so that there is time for something else."""
        return self._pending is not None

    def beside(self, work: Callable[[], T]) -> Pending[T]:
        """Do ``work`` while the look-up is on its way."""
        return self._cache.preparing.start(work)

    def replay(self, hit: Hit) -> Iterator[Event]:
        """A kept answer's events, at the pace that was set."""
        return replay(hit.answered.events, self._cache.limits.chunks_per_s, self._cache.sleep)

    # -- while and after the model answers

    def share(
        self,
        events: Iterator[Event],
        close: Callable[[], None],
        describe: Describe,
        grounding: Any = None,
        documents: tuple[DocumentVersion, ...] = (),
    ) -> Reader:
        """The events of a miss, for this request and for all that follow it; ``close`` ends the model's call.

        ``documents`` are what the model has to read.
        """
        self._documents = documents
        self._live = self.watched.live = Live(events, close)
        self._describe = describe
        reader = self._live.join(self.watched.leave)
        assert reader is not None  # noqa: S101
        if self._leads and self._flight is not None:
            self._flight.lands(live=self._live, grounding=grounding, settle=self.settle, serves=self._serves)
        return reader

    def _serves(self) -> bool:
        """Whether one who comes now may follow: not what is over and will not be kept, nor what rests on a document
        that has changed since.
        """
        live = self._live
        assert live is not None  # noqa: S101
        if live.over and not self._cache.policy.keeps(live.events):
            return False
        return self._holds(self._documents, self._asked_s)

    def _holds(self, documents: tuple[DocumentVersion, ...], asked_s: float) -> bool:
        """Whether an answer that was asked for then still holds for one who asks now."""
        try:
            return not self._cache.lookup.has_ended(documents, asked_s)
        except SlipstreamError:
            return False

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
        live = self._live
        if self.served or live is None or not live.over:
            return
        with self._settling:
            if self._settled:
                return
            self._settled = True
        try:
            kept = live.complete and self._keep(tuple(live.events))
        except SlipstreamError as error:
            self.notes["error"], kept = error.code, False
        self.notes["kept"] = kept
        self._leave()
        if not kept:
            self._release()

    def _keep(self, events: tuple[Event, ...]) -> bool:
        cache = self._cache
        answered = self._describe(events) if cache.policy.keeps(events) else None
        if answered is None:
            return False
        body = pack(answered)
        now_s = cache.clock()
        head = Head(
            entry_id=ulid(int(now_s * 1000), urandom(10)),
            checksum=body.checksum,
            created_s=now_s,
            expires_s=now_s + cache.policy.ttl_s,
            asked_s=self._asked_s,
            documents=self._documents,
        )
        cache.store.write(self.place, head, body)
        return True

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

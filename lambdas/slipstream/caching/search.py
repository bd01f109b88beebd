"""One request's way through the cache: look, wait for others, race, share and keep, and what the reply says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from slipstream.beside import Pending
from slipstream.caching.following import Following
from slipstream.caching.hit import Hit, replay
from slipstream.caching.live import Reader
from slipstream.caching.looking import Looking
from slipstream.caching.making import Describe, Making
from slipstream.caching.racing import Race
from slipstream.caching.store import DocumentVersion, Place, Wanted
from slipstream.caching.watched import Watched
from slipstream.chat.events import Event
from slipstream.disconnect import Disconnect
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Waterfall
from slipstream.ulid import new_ulid

if TYPE_CHECKING:
    from slipstream.caching.answers import AnswerCache
    from slipstream.caching.similar import Similar

T = TypeVar("T")
SHOWN = 16
"""Signs of the key that the reply tells: enough to find an answer, and to end it."""


class Search:
    """One request's way through the cache. ``outcome`` is what became of it: see ``report``."""

    def __init__(
        self,
        cache: AnswerCache,
        place: Place,
        call: ResolvedCall,
        waterfall: Waterfall,
        disconnect: Disconnect,
        similar: Similar | None = None,
    ) -> None:
        """``similar`` looks for another wording of the question; None: none will do."""
        self._cache = cache
        self._waterfall = waterfall
        self._disconnect = disconnect
        self._options = options = call.request.options
        self._holder = new_ulid(cache.clock())
        self._asked_s = cache.clock()
        self._following = Following(cache.flights, (place, options.deadline_ms, options.max_age_s, similar is not None))
        self._looking: Looking | None = None
        self._race: Race | None = None
        self._aside: Watched | None = None
        self._making: Making | None = None
        self._similar = similar
        self.place = place
        self.outcome = "miss"
        self.notes: dict[str, Any] = {}
        self.hit: Hit | None = None
        self.watched = Watched(disconnect)
        if options.cache == "refresh":
            self.outcome = "refresh"
        elif not self._following.board():
            self._start()

    # -- before the model is called

    def _start(self) -> None:
        if self._similar is not None and not self._cache.policy.precomputes:
            self._similar.start(self._wanted())
        self._looking = Looking(self._cache, self.place, self._wanted, self._waterfall, self.notes)

    def _wanted(self) -> Wanted:
        now_s, limits = self._cache.clock(), self._cache.limits
        oldest_s = 0.0 if self._options.max_age_s is None else now_s - self._options.max_age_s
        return Wanted(
            now_s=now_s, oldest_s=oldest_s, lives_s=limits.lives_s, holder=self._holder, lease_s=limits.lease_s
        )

    @property
    def looking(self) -> bool:
        """Whether a look-up is on its way, so that there is time for something else."""
        return self._looking is not None

    def beside(self, work: Callable[[Disconnect], T]) -> Pending[T]:
        """Do ``work`` while the look-up is on its way; where that hits, it is given up by the line that it gets."""
        self._aside = line = Watched(self._disconnect)
        line.may_be_given_up()
        pending = self._cache.preparing.start(lambda: work(line))
        pending.when_done(line.close)
        return pending

    def found(self) -> Hit | Reader | None:
        """A kept answer, or one that is on its way in this process; None: call the model, then ``share`` its answer.

        Raises what the one who asks the same right now was told, and ClientGone.
        """
        found = self._followed() if self._following.follows else None
        if found is None and self._looking is not None:
            found = self._looked(self._looking)
        if isinstance(found, Hit):
            self._land(found)
        elif found is not None:
            self.outcome = "joined"
        return found

    def _followed(self) -> Hit | Reader | None:
        with self._waterfall.span("follow"):
            found = self._following.wait(self._disconnect)
        if found is None and self._following.leads:
            self._start()
        return found

    def _looked(self, looking: Looking) -> Hit | None:
        """Its own answer, else that to another wording, else the one that another environment is making."""
        looked = looking.result()
        self.outcome = looking.outcome
        if looked is not None and looked.hit is not None:
            return looked.hit
        if self._similar is not None and (found := self._similar.result()) is not None:
            return found
        if looked is not None and looked.lease is not None and not looked.mine:
            return looking.wait_for(looked.lease, self._disconnect)
        return None

    def _land(self, hit: Hit) -> None:
        self.outcome, self.hit = "hit", hit
        if self._similar is not None:
            self._similar.close()
        if self._aside is not None:
            self._aside.give_up()
        self._following.lands(hit=hit, serves=lambda: self._cache.holds(hit.head.documents, hit.head.asked_s))

    def race(self, work: Callable[[Waterfall], T], drop: Callable[[T], None]) -> Hit | T:
        """A kept answer, or what ``work`` (calling the model) gives, whichever is there first.

        On a hit the call is given up; had it come to its first event already, ``drop`` ends it. Raises what ``work``
        raises, whose result is never None.
        """
        looking, similar = self._looking, self._similar
        assert looking is not None  # noqa: S101
        self._race = race = Race(self._waterfall, self.watched, self._ready)
        pendings = (looking.pending, similar.pending if similar is not None else None)
        won = race.run(work, [one for one in pendings if one is not None], drop)
        found, given = won
        if found is not None:
            looking.close()
            if similar is not None and found.kind == "semantic":
                similar.result()
            self._land(found)
            return found
        looking.overtaken()
        self.outcome = looking.outcome
        if similar is not None:
            similar.overtaken()
        assert given is not None  # noqa: S101
        return given

    def _ready(self) -> Hit | None:
        found = self._looking.ready() if self._looking is not None else None
        return found or (self._similar.ready() if self._similar is not None else None)

    def fails(self, error: BaseException) -> None:
        """There will be no answer: tell whoever follows, and let the next one lead."""
        self._following.fails(error)
        if self._aside is not None:
            self._aside.give_up()
        self.watched.close()
        self._cache.beside.start(self._release)

    # -- the answer

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
        self._making = making = Making(
            self._cache, self.place, self._asked_s, describe=describe, documents=documents, passages=grounding
        )
        reader = making.begin(events, close, self.watched)
        self._following.lands(live=making.live, grounding=grounding, settle=self._settle_own, serves=making.serves)
        return reader

    @property
    def grounding(self) -> Any:
        """What the first one's reply says of its passages, for one who joined it."""
        return self._following.grounding

    def settle(self) -> None:
        """After the last byte: keep the answer if it came to its end, and give the lease back if not. Never raises.

        Whoever follows to the end settles for the first one too, who may have left before it.
        """
        self.watched.close()
        if self.outcome == "joined":
            self._following.settle()
        self._settle_own()
        if self.hit is not None and self.hit.kind == "semantic" and self._looking is not None:
            self._release()
            if self._similar is not None:
                self._similar.settle(hit=self.hit)

    def _settle_own(self) -> None:
        making = self._making
        kept = making.settle() if making is not None else None
        if making is None or kept is None:
            return
        self.notes["kept"] = kept
        if making.error:
            self.notes["error"] = making.error
        self._following.leave()
        if not kept:
            self._release()
        if self._similar is not None:
            self._similar.settle(kept_until_s=making.kept_until_s, fresh=making.answered)

    def _release(self) -> None:
        if self._looking is not None:
            self._looking.release()

    # -- what the reply and the metrics say

    @property
    def raced(self) -> bool:
        """Whether a model was called although the answer was kept: its input is paid for."""
        return self.hit is not None and self._race is not None

    @property
    def served(self) -> bool:
        """Whether the answer is not this request's own call of a model."""
        return self.outcome in ("hit", "joined")

    @property
    def family(self) -> str:
        """The questions that this request's is compared with; empty where it is with none."""
        return self._similar.family if self._similar is not None else ""

    def counted(self) -> dict[str, Any]:
        """What the look for another wording leaves for the counts, once it is settled: see ``Counted``."""
        told = self._similar.counted() if self._similar is not None else {}
        if self.hit is None or self.hit.kind != "semantic":
            told.pop("close", None)
        return told

    def report(self) -> dict[str, Any]:
        """The reply's ``slipstream.cache``: ``outcome`` is hit, joined, miss, late, unavailable or refresh."""
        told: dict[str, Any] = {"outcome": self.outcome, "key": self.place.key[:SHOWN]}
        if self.raced:
            told["raced"] = "a model was called at once and given up: its input tokens are paid, as in cost_usd"
        if self._similar is not None and (similar := self._similar.report()):
            told["semantic"] = similar
        return told | (self.hit.report() if self.hit is not None else {}) | self.notes

    def figures(self) -> dict[str, float]:
        """Counts for the metrics, names as CloudWatch shows them."""
        out = {f"cache_{self.outcome}": 1.0}
        if self.raced:
            out["cache_raced"] = 1.0
        if "dropped" in self.notes:
            out["cache_dropped"] = 1.0
        if self.outcome == "late" and self._looking is not None and self._looking.ready() is not None:
            out["cache_late_hit"] = 1.0
        if "error" in self.notes and self.outcome != "unavailable":
            out["cache_error"] = 1.0
        if self.hit is not None and self.hit.kind == "semantic":
            out["cache_semantic_hit"] = 1.0
        return out | (self._similar.figures() if self._similar is not None else {})

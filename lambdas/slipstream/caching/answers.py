"""Answers that are already there, or on their way: what the pipeline asks before it calls a model.

``AnswerCache.begin`` starts the look-up beside the rest of the preparation and hands back a ``Search`` of it;
``Search.found`` waits, within its limit, for a kept answer or for somebody who is making the same one; a miss hands
its events to ``Search.share``, and ``Search.settle`` keeps them after the last byte. A store that fails fails nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from slipstream.beside import Beside
from slipstream.caching.bodies import Remembered
from slipstream.caching.flights import Flights
from slipstream.caching.key import Sources, key_of
from slipstream.caching.lookup import Lookup
from slipstream.caching.policy import CachePolicy
from slipstream.caching.search import Search
from slipstream.caching.store import AnswerStore, DocumentVersion, Place
from slipstream.disconnect import Disconnect
from slipstream.errors import SlipstreamError
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Waterfall


class CacheLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds. ``look_s``: what a look-up may take; ``lease_s``: how long others wait for an answer;
    ``lives_s``: how much longer a kept one has to live to be served.
    """

    look_s: float = 0.05
    lease_s: float = 10.0
    lives_s: float = 0.0
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

    def holds(self, documents: tuple[DocumentVersion, ...], asked_s: float) -> bool:
        """Whether an answer over ``documents`` that was asked for then still holds for one who asks now."""
        try:
            return not self.lookup.has_ended(documents, asked_s)
        except SlipstreamError:
            return False

"""What answers beforehand: the chat function's own parts, over a cache that keeps longer and serves less."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec

from slipstream.caching.filling.filler import Filler
from slipstream.caching.filling.runs import RunStore
from slipstream.gateway.beforehand import PipelineAnswerer
from slipstream.runtime import wiring
from slipstream.runtime.precompute_parts import (
    FillStores,
    fill_stores,
    read_precompute_settings,
    require_cache,
    services,
)  # fmt: skip
from slipstream.runtime.settings import Settings

REMADE_S = 6 * 3600.0
"""A night's run makes an answer anew that is older than that, so that it lives until the next one is through."""
SOON_S = 900.0
"""A refill passes over what lives that much longer."""
LOOK_MS = 10_000.0
"""Nobody waits: a look-up that takes long is better than an answer that is paid for twice."""


class Fillers:
    """Of a night's run and of a refill, each built when it is first asked for."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        stores: FillStores | None = None,
        shared: wiring.Stores | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``stores`` and ``shared`` where a process has its own; ``clock`` gives Unix time (s). Nothing is called yet.

        Raises BadSetting.
        """
        self._settings = settings
        self._environ = environ
        self._cache = require_cache(settings)
        self._chosen = read_precompute_settings(environ)
        self._shared = shared
        self._clock = clock
        self._closing: list[Callable[[], None]] = []
        if stores is None:
            transport, auth, places = services(settings, environ)
            stores = fill_stores(self._cache, transport=transport, auth=auth, places=places)
            self._closing.append(transport.restore)
        self._stores = stores
        self._made: dict[bool, Filler] = {}

    @property
    def runs(self) -> RunStore:
        """What runs did."""
        return self._stores.runs

    def of(self, run: str) -> Filler:
        """What answers the items of ``run``."""
        known = self._stores.runs.get(run)
        refill = known is not None and known.refill
        if refill not in self._made:
            self._made[refill] = self._make(refill=refill)
        return self._made[refill]

    def close(self) -> None:
        """End idle connections."""
        for close in self._closing:
            close()

    def _make(self, *, refill: bool) -> Filler:
        chosen, settings = self._chosen, self._settings
        cache = msgspec.structs.replace(
            self._cache,
            ttl_s=chosen.holds_s,
            precomputes=True,
            lives_s=SOON_S if refill else chosen.holds_s - REMADE_S,
            limit_ms=LOOK_MS,
        )
        # its own namespace of metrics: what nobody asked is no traffic
        own = msgspec.structs.replace(
            settings, cache=cache, query_log=None, metrics_namespace=f"{settings.metrics_namespace}/Precompute"
        )
        parts = wiring.assemble(own, self._environ, self._shared, clock=self._clock)
        self._closing.append(parts.restore)
        return Filler(
            PipelineAnswerer(parts.gateway.pipeline),
            asked=self._stores.asked,
            runs=self._stores.runs,
            per_minute=chosen.per_minute,
            clock=self._clock,
        )

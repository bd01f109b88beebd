"""The routes of pre-computation: of a function of their own, and in a host that is the whole gateway in one process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from slipstream.caching.filling.api import ROOT, PrecomputeApi
from slipstream.gateway import manners
from slipstream.gateway.http import App, HttpRequest, HttpResponse
from slipstream.gateway.openai.purge import NoCache
from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.precompute_parts import (
    FillStores,
    build_planning,
    fill_stores,
    read_precompute_settings,
    require_cache,
    services,
)  # fmt: skip
from slipstream.runtime.settings import Settings

if TYPE_CHECKING:
    from slipstream.runtime.cache_stores import CacheStores


def build_api(settings: Settings, environ: Mapping[str, str]) -> PrecomputeApi:
    """For a deployment: runs are executions of its state machine. Nothing is called yet. Raises BadSetting."""
    from slipstream.aws.places import Places
    from slipstream.aws.state_machine import StateMachine

    cache, chosen = require_cache(settings), read_precompute_settings(environ)
    if not chosen.machine_arn:
        raise BadSetting("SLIPSTREAM_PRECOMPUTE_MACHINE_ARN is not set: it has to be the state machine of runs")
    transport, auth, places = services(settings, environ)
    stores = fill_stores(cache, transport=transport, auth=auth, places=places)
    url = environ.get("AWS_ENDPOINT_URL_SFN") or environ.get("AWS_ENDPOINT_URL")
    states = Places(settings.region, {"states": url} if url else {})
    machine = StateMachine(chosen.machine_arn, transport=transport, auth=auth, places=states)
    return PrecomputeApi(runs=stores.runs, machine=machine, query_log=_told(settings))


def with_precompute(app: App, settings: Settings, environ: Mapping[str, str], shared: CacheStores | None) -> App:
    """``app``, and in front of it /v1/precompute, whose runs fill the cache of this process, ``shared``."""

    @cache
    def api() -> PrecomputeApi:
        from slipstream.fakes.asked_store import MemoryAskedStore
        from slipstream.fakes.fill_runs import MemoryPlans, MemoryRuns
        from slipstream.runtime.fill_parts import Fillers
        from slipstream.runtime.lone_runs import LoneRuns

        kept = FillStores(shared.asked() if shared else MemoryAskedStore(), MemoryRuns(), MemoryPlans())
        fillers = Fillers(settings, environ, kept, shared)
        machine = LoneRuns(cache(lambda: build_planning(settings, environ, kept)), fillers, kept.plans)
        return PrecomputeApi(runs=kept.runs, machine=machine, query_log=_told(settings))

    def told(request: HttpRequest) -> tuple[int, dict[str, object]]:
        if settings.cache is None:
            raise NoCache
        return api()(request)

    def routed(request: HttpRequest) -> HttpResponse:
        if request.path != ROOT and not request.path.startswith(ROOT + "/"):
            return app(request)
        from slipstream.runtime.buffered import outcome

        request.request_id = manners.request_id(request.headers, request.request_id)
        status, headers, body = outcome(
            request, told, tuple(settings.cors_origins), lambda *_, **__: None, name="precompute", facts=lambda _: {}
        )
        return HttpResponse(status, headers, [body.encode()])

    return routed


def _told(settings: Settings) -> dict[str, float] | None:
    return None if settings.query_log is None else msgspec.to_builtins(settings.query_log)

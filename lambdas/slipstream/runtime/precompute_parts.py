"""Answers before the question: its settings, and what mining is made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from slipstream.models.aliases import DEFAULT_ALIASES
from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.cache_settings import CacheSettings, number
from slipstream.runtime.cache_stores import TableStores
from slipstream.runtime.query_log_settings import log_days
from slipstream.runtime.settings import Settings

if TYPE_CHECKING:
    from slipstream.aws.places import Authorizes, Places
    from slipstream.aws.transport import Transport
    from slipstream.caching.filling.asked import AskedStore
    from slipstream.caching.filling.mining import Price
    from slipstream.caching.filling.planning import Planning
    from slipstream.caching.filling.runs import PlanFiles, RunStore
    from slipstream.models.resolve import Resolver

MONTH_S = 30 * 86_400.0
NIGHT_S = 86_400.0
TIMEOUT_S = 10.0
"""What one call of table or bucket may take where no caller waits for it."""


class PrecomputeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a run may make and spend."""

    answers: int = 200
    budget_usd: float = 1.0
    min_users: int = 2
    """A question that fewer asked is not answered beforehand."""
    per_minute: float = 60.0
    """Answers that one function begins in a minute, at most."""
    holds_s: float = 26 * 3600.0
    """How long an answer lives that was made beforehand: until after the next night's run."""
    log_days: int = 90
    machine_arn: str = ""
    """The state machine of runs; empty: they run in this process."""


class FillStores(msgspec.Struct, frozen=True):
    """What was asked, and what runs did."""

    asked: AskedStore
    runs: RunStore
    plans: PlanFiles


def read_precompute_settings(environ: Mapping[str, str]) -> PrecomputeSettings:
    """``SLIPSTREAM_PRECOMPUTE_*`` and ``SLIPSTREAM_QUERY_LOG_DAYS``. Raises BadSetting."""
    from slipstream.caching.filling.asked import MOST_USERS

    usual, prefix = PrecomputeSettings(), "SLIPSTREAM_PRECOMPUTE_"
    return PrecomputeSettings(
        answers=int(number(environ, f"{prefix}ANSWERS", usual.answers, 1, 100_000)),
        budget_usd=number(environ, f"{prefix}BUDGET_USD", usual.budget_usd, 0, 1e6),
        min_users=int(number(environ, f"{prefix}MIN_USERS", usual.min_users, 1, MOST_USERS)),
        per_minute=number(environ, f"{prefix}PER_MINUTE", usual.per_minute, 0.1, 10_000),
        holds_s=number(environ, f"{prefix}HOLDS_S", usual.holds_s, NIGHT_S, MONTH_S),
        log_days=log_days(environ),
        machine_arn=environ.get(f"{prefix}MACHINE_ARN", ""),
    )


def require_cache(settings: Settings) -> CacheSettings:
    """The cache that is filled. Raises BadSetting where there is none."""
    if settings.cache is None:
        raise BadSetting("SLIPSTREAM_CACHE is not on: without it there is nothing to answer beforehand")
    return settings.cache


def fill_stores(cache: CacheSettings, *, transport: Transport, auth: Authorizes, places: Places) -> FillStores:
    """The deployment's stores. Nothing is called yet. Raises BadSetting where table or bucket are not named."""
    from slipstream.aws.fill_runs import BucketPlans, DynamoRuns

    stores = TableStores(cache, transport=transport, auth=auth, places=places, timeout_s=TIMEOUT_S)
    objects = stores.objects()
    if not cache.table or objects is None:
        raise BadSetting(
            "SLIPSTREAM_CACHE_TABLE and SLIPSTREAM_CACHE_BUCKET have to be set: questions and plans lie there"
        )
    return FillStores(stores.asked(), DynamoRuns(stores.table()), BucketPlans(cache.bucket, objects))


def services(settings: Settings, environ: Mapping[str, str]) -> tuple[Transport, Authorizes, Places]:
    """How a function that calls no model calls the table and the bucket."""
    from slipstream.aws.credentials import CredentialSource
    from slipstream.aws.places import Places
    from slipstream.aws.sigv4 import Signer
    from slipstream.aws.transport import Transport

    transport = Transport(ca_bundle=environ.get("AWS_CA_BUNDLE"))
    return transport, Signer(CredentialSource(environ), settings.region), Places(settings.region, settings.endpoints)


def build_planning(
    settings: Settings,
    environ: Mapping[str, str],
    stores: FillStores | None = None,
    *,
    clock: Callable[[], float] = time.time,
) -> Planning:
    """The first step of a run, over ``stores`` where a process has its own. ``clock`` gives Unix time (s). No I/O.

    Raises BadSetting.
    """
    from slipstream.caching.filling.planning import Planning
    from slipstream.caching.precompute.plan import Budget
    from slipstream.models.resolve import Resolver

    cache, chosen = require_cache(settings), read_precompute_settings(environ)
    if stores is None:
        transport, auth, places = services(settings, environ)
        stores = fill_stores(cache, transport=transport, auth=auth, places=places)
    resolver = Resolver(aliases={**DEFAULT_ALIASES, **settings.aliases}, region=settings.region, prices=settings.prices)
    return Planning(
        asked=stores.asked,
        runs=stores.runs,
        files=stores.plans,
        price=price_by(resolver, chosen.holds_s),
        budget=Budget(chosen.answers, chosen.budget_usd, min_users=chosen.min_users),
        days=chosen.log_days,
        clock=clock,
    )


def price_by(resolver: Resolver, holds_s: float) -> Price:
    """What answers of a family cost and are worth, by the catalogue; an answer is kept for ``holds_s``."""
    from slipstream.caching.precompute.value import Costs, Valuation
    from slipstream.chat.request import ChatRequest, Text
    from slipstream.gateway.grounding import rag_model
    from slipstream.gateway.pipeline import RAG
    from slipstream.models.estimate import LIKELY_CHARS_PER_TOKEN

    def price(bare: ChatRequest) -> Valuation:
        usual = Costs()
        system = sum(len(part.text) for part in bare.system if type(part) is Text)
        searched = bare.model.startswith(RAG)
        costs = Costs(
            model=rag_model(bare.model).model if searched else bare.model,
            context_tokens=round(system / LIKELY_CHARS_PER_TOKEN) + (usual.context_tokens if searched else 0),
            answer_tokens=min(usual.answer_tokens, bare.parameters.max_tokens or usual.answer_tokens),
            kept_months=holds_s / MONTH_S,
        )
        return Valuation(costs, resolver)

    return price

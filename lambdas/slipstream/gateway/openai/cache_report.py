"""``GET /v1/cache/report``: what the cache was worth to a tenant, or to a namespace that tenants share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from slipstream.caching.key import namespaced
from slipstream.caching.knowledge import Knowledge
from slipstream.caching.worth import MOST_DAYS, worth
from slipstream.errors import InvalidRequest
from slipstream.gateway.http import Principal
from slipstream.gateway.openai.purge import NoCache

DAYS = 7


def cache_report(
    known_of: Callable[[], Knowledge] | None,
    query: Mapping[str, str],
    principal: Principal,
    *,
    clock: Callable[[], float] = time.time,
) -> dict[str, Any]:
    """``query``: ``tenant`` (the caller's own where nothing is given) or ``namespace``, and ``days``.

    Raises PermissionDenied, InvalidRequest with ``param``, NoCache, and what the stores raise.
    """
    principal.require("admin")
    if known_of is None:
        raise NoCache
    for name in query:
        if name not in ("tenant", "namespace", "days"):
            raise InvalidRequest("the report takes 'tenant' or 'namespace', and 'days'", param=name[:80])
    tenant, namespace = query.get("tenant"), query.get("namespace")
    if tenant is not None and namespace is not None:
        raise InvalidRequest("give one of 'tenant' and 'namespace'", param="tenant")
    days = query.get("days") or str(DAYS)
    if not (days.isascii() and days.isdecimal() and 1 <= int(days) <= MOST_DAYS):
        raise InvalidRequest(f"'days' must be a whole number from 1 to {MOST_DAYS}", param="days")
    knowledge = known_of()
    whose = namespaced("", namespace) if namespace is not None else knowledge.namespace(tenant or principal.tenant)
    return worth(knowledge, whose, days=int(days), now_s=clock())

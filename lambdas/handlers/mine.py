"""The first step of a run of pre-computation, which Step Functions calls: what is to be answered before it is asked."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from slipstream.ulid import new_ulid

if TYPE_CHECKING:
    from slipstream.caching.filling.planning import Planning


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry: ``{"run": NAME, "refill": BOOL}`` → ``run, bucket, key, items, cost_usd, skipped``.

    ``key`` is of an object with one JSON line an item. Without ``run``, one is named.
    """
    del context
    return respond(event, _planning())


def respond(event: Mapping[str, Any], planning: Planning) -> dict[str, Any]:
    """Plan the run that the event names."""
    run = str(event.get("run") or new_ulid(time.time()))
    return planning.plan(run, refill=bool(event.get("refill")))


@cache
def _planning() -> Planning:
    from slipstream.runtime.precompute_parts import build_planning
    from slipstream.runtime.settings import read_settings

    return build_planning(read_settings(os.environ), os.environ)

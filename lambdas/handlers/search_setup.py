"""Puts templates, pipelines and roles into the search engine when the stack is deployed: a custom resource."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import msgspec

SPARE_S = 15.0
"""Seconds before the function's end in which CloudFormation has to hear of it."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Lambda's entry."""
    from slipstream.runtime.custom_resource import settle

    deadline_s = time.perf_counter() + context.get_remaining_time_in_millis() / 1000 - SPARE_S
    settle(event, lambda properties: set_up(properties, os.environ, deadline_s), physical_id="slipstream-search-setup")


def set_up(properties: Mapping[str, Any], environ: Mapping[str, str], deadline_s: float) -> list[str]:
    """Apply what the resource's properties want; returns what is in place."""
    from slipstream.aws.document_index import connect
    from slipstream.aws.search_setup import Wanted, apply
    from slipstream.runtime.search_parts import require_search_settings

    engine = require_search_settings(environ)
    client = connect(engine.endpoint, region=engine.region, signed=engine.signed)
    # CloudFormation hands over every scalar as text.
    wanted = msgspec.convert(properties, Wanted, strict=False)
    return apply(client, wanted, deadline_s=deadline_s, clock=time.perf_counter, pause=time.sleep)

"""Index administration and direct documents behind API Gateway (buffered)."""

from __future__ import annotations

import os
from functools import cache
from time import perf_counter
from typing import Any

from aws_lambda_powertools import Logger

from slipstream.runtime.buffered import Api, answer

SPARE_S = 2.0
"""Seconds before the function's end in which an answer has to be under way."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Lambda's entry."""
    deadline_s = perf_counter() + context.get_remaining_time_in_millis() / 1000 - SPARE_S
    api, origins, logger = _parts()
    return reply(event, api, origins, logger, deadline_s)


def reply(
    event: dict[str, Any], api: Api, origins: tuple[str, ...], logger: Logger, deadline_s: float
) -> dict[str, Any]:
    """API Gateway's answer to its proxy event. Logs who did what to which index, never a document."""

    def facts(told: dict[str, Any]) -> dict[str, Any]:
        counted = ("added", "changed", "unchanged", "passages", "finished")
        return {"path": event.get("path"), **{name: told[name] for name in counted if name in told}}

    return answer(event, api, origins, logger.info, name="indexes", facts=facts, deadline_s=deadline_s)


@cache
def _parts() -> tuple[Api, tuple[str, ...], Logger]:
    from slipstream.retrieval.api import IndexesApi
    from slipstream.runtime.ingest_parts import build_api_parts, read_ingest_settings

    settings = read_ingest_settings(os.environ)
    return IndexesApi(build_api_parts(settings, os.environ)), settings.cors_origins, Logger(service="indexes")

"""Runs of pre-computation behind API Gateway (buffered): start one, and see what became of the last ones."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from slipstream.runtime.buffered import Api, answer


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry."""
    del context
    api, origins, logger = _parts()
    return reply(event, api, origins, logger)


def reply(event: dict[str, Any], api: Api, origins: tuple[str, ...], logger: Logger) -> dict[str, Any]:
    """API Gateway's answer to its proxy event. Logs who started which run."""
    return answer(event, api, origins, logger.info, name="precompute", facts=lambda told: {"run": told.get("id")})


@cache
def _parts() -> tuple[Api, tuple[str, ...], Logger]:
    from slipstream.runtime.precompute_routes import build_api
    from slipstream.runtime.settings import read_settings

    settings = read_settings(os.environ)
    return build_api(settings, os.environ), tuple(settings.cors_origins), Logger(service="precompute")

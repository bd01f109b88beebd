"""Key administration behind API Gateway (buffered). Also invoked directly, with the same event, for the first key."""

from __future__ import annotations

import functools
import os
from time import time
from typing import Any

from aws_lambda_powertools import Logger

from slipstream.runtime.buffered import Api, answer


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry."""
    del context
    api, origins, logger = _parts()
    return reply(event, api, origins, logger)


def reply(event: dict[str, Any], api: Api, origins: tuple[str, ...], logger: Logger) -> dict[str, Any]:
    """API Gateway's answer to its proxy event. Logs who did what to which key, never a key."""
    return answer(event, api, origins, logger.info, name="keys", facts=lambda told: {"key_id": told.get("id")})


@functools.cache
def _parts() -> tuple[Api, tuple[str, ...], Logger]:
    from slipstream.aws.authorizer_cache import StageAuthorizerCache
    from slipstream.keys.api import KeysApi
    from slipstream.runtime.key_parts import build_key_parts, read_key_settings

    settings = read_key_settings(os.environ)
    parts = build_key_parts(settings, os.environ)
    cache = StageAuthorizerCache(settings.api_id, settings.api_stage)

    def flush() -> bool:
        return settings.remember_s == 0 and cache.flush()  # what an authorizer remembers itself cannot be emptied

    api = KeysApi(store=parts.store, pepper=parts.pepper, flush=flush, clock=time, believe_s=settings.believe_s)
    return api, settings.cors_origins, Logger(service="keys")

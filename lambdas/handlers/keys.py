"""Key administration behind API Gateway (buffered). Also invoked directly, with the same event, for the first key."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from time import time
from typing import Any

from aws_lambda_powertools import Logger

from slipstream.errors import SlipstreamError
from slipstream.gateway.failures import unexpected
from slipstream.gateway.http import HttpRequest
from slipstream.gateway.manners import allow_origin
from slipstream.gateway.openai.errors import encode
from slipstream.runtime.lambda_event import decode

Api = Callable[[HttpRequest], tuple[int, dict[str, Any]]]


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry."""
    del context
    api, origins, logger = _parts()
    return reply(event, api, origins, logger)


def reply(event: dict[str, Any], api: Api, origins: tuple[str, ...], logger: Logger) -> dict[str, Any]:
    """API Gateway's answer to its proxy event. Logs who did what to which key, never a key."""
    request = decode(json.dumps(event).encode())
    headers = [("content-type", "application/json"), ("cache-control", "no-store")]
    try:
        status, told = api(request)
        body = json.dumps(told)
        logger.info("keys", operation=request.method, by=request.principal.key_id, key_id=told.get("id"), status=status)
    except SlipstreamError as error:
        status, headers, body = _refusal(error)
        logger.info("keys", operation=request.method, by=request.principal.key_id, status=status, code=error.code)
    except Exception as error:
        status, headers, body = _refusal(unexpected(error, request.request_id))
    headers += [("x-request-id", request.request_id), *allow_origin(request.headers, origins)]
    return {"statusCode": status, "headers": dict(headers), "body": body, "isBase64Encoded": False}


def _refusal(error: SlipstreamError) -> tuple[int, list[tuple[str, str]], str]:
    status, headers, body = encode(error)
    return status, headers, body.decode()


@cache
def _parts() -> tuple[Api, tuple[str, ...], Logger]:
    from slipstream.aws.authorizer_cache import StageAuthorizerCache
    from slipstream.keys.api import KeysApi
    from slipstream.runtime.key_parts import build_key_parts, read_key_settings

    settings = read_key_settings(os.environ)
    parts = build_key_parts(settings, os.environ)
    flush = StageAuthorizerCache(settings.api_id, settings.api_stage).flush
    api = KeysApi(store=parts.store, pepper=parts.pepper, flush=flush, clock=time)
    return api, settings.cors_origins, Logger(service="keys")

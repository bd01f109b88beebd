"""A function behind API Gateway that answers in one piece: its proxy event in, status, headers and JSON out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from slipstream.errors import SlipstreamError
from slipstream.gateway.failures import unexpected
from slipstream.gateway.http import HttpRequest
from slipstream.gateway.manners import allow_origin
from slipstream.gateway.openai.errors import encode
from slipstream.runtime.lambda_event import decode

Api = Callable[[HttpRequest], tuple[int, dict[str, Any]]]


Facts = Callable[[dict[str, Any]], dict[str, Any]]
Headers = list[tuple[str, str]]


def answer(
    event: Mapping[str, Any],
    api: Api,
    origins: tuple[str, ...],
    log: Callable[..., None],
    *,
    name: str,
    facts: Facts,
    deadline_s: float | None = None,
) -> dict[str, Any]:
    """API Gateway's answer. Tells ``log`` who did what, with ``facts`` of the answer: never a key or a document."""
    request = decode(json.dumps(event).encode(), deadline_s=deadline_s)
    status, headers, body = outcome(request, api, origins, log, name=name, facts=facts)
    return {"statusCode": status, "headers": dict(headers), "body": body, "isBase64Encoded": False}


def outcome(
    request: HttpRequest, api: Api, origins: tuple[str, ...], log: Callable[..., None], *, name: str, facts: Facts
) -> tuple[int, Headers, str]:
    """Status, headers and body, for whichever host has the request. ``log`` and ``facts`` as in ``answer``."""
    headers = [("content-type", "application/json"), ("cache-control", "no-store")]
    try:
        if request.denied is not None:
            raise request.denied
        status, told = api(request)
        body = json.dumps(told)
        log(name, operation=request.method, by=request.principal.key_id, status=status, **facts(told))
    except SlipstreamError as error:
        status, headers, body = _refusal(error)
        log(name, operation=request.method, by=request.principal.key_id, status=status, code=error.code)
    except Exception as error:
        status, headers, body = _refusal(unexpected(error, request.request_id))
    return status, [*headers, ("x-request-id", request.request_id), *allow_origin(request.headers, origins)], body


def _refusal(error: SlipstreamError) -> tuple[int, Headers, str]:
    status, headers, body = encode(error)
    return status, headers, body.decode()

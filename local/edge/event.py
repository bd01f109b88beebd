"""API Gateway's REST proxy event (payload version 1) for a request."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from local.edge.routes import Method

BODY_LIMIT_BYTES = 10 * 1024 * 1024
"""API Gateway's limit of a request's body."""
EVENT_LIMIT_BYTES = 6 * 1024 * 1024
"""Lambda's limit of a synchronous invocation's event, JSON escapes included."""


def proxy_event(
    *,
    method: Method,
    verb: str,
    path: str,
    query: str,
    headers: Iterable[tuple[str, str]],
    parameters: dict[str, str],
    stage: str,
    api_id: str,
    request_id: str,
    source_ip: str,
) -> dict[str, Any]:
    """The event without body and authorizer: what the Lambda authorizer is asked with too."""
    many: dict[str, list[str]] = {}
    for name, value in headers:
        many.setdefault(name, []).append(value)
    queries: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        queries.setdefault(name, []).append(value)
    now = time.time()
    last = {name: values[-1] for name, values in many.items()}
    host = last.get("Host", "localhost")
    return {
        "resource": method.resource,
        "path": path,
        "httpMethod": verb,
        "headers": last,
        "multiValueHeaders": many,
        "queryStringParameters": {name: values[-1] for name, values in queries.items()} or None,
        "multiValueQueryStringParameters": queries or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": api_id,
            "domainName": host,
            "extendedRequestId": request_id,
            "httpMethod": verb,
            "identity": {"sourceIp": source_ip, "userAgent": last.get("User-Agent")},
            "path": f"/{stage}{path}",
            "protocol": "HTTP/1.1",
            "requestId": request_id,
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "requestTimeEpoch": int(now * 1000),
            "resourceId": method.resource_id,
            "resourcePath": method.resource,
            "stage": stage,
        },
        "body": None,
        "isBase64Encoded": False,
    }


def encode_event(event: dict[str, Any], body: bytes, *, binary: bool) -> bytes:
    """The event's JSON with ``body``. Text that is no UTF-8 loses its odd bytes, as behind API Gateway."""
    if body:
        event["body"] = b64encode(body).decode() if binary else body.decode("utf-8", "replace")
        event["isBase64Encoded"] = binary
    try:
        return msgspec.json.encode(event)
    except UnicodeEncodeError:  # odd bytes in a header
        import json

        return json.dumps(event).encode()


def is_binary(content_type: str, media_types: tuple[str, ...]) -> bool:
    """Whether the API declares this content type as binary."""
    if not media_types:
        return False
    kind = content_type.partition(";")[0].strip().lower()
    return "*/*" in media_types or kind in media_types or f"{kind.partition('/')[0]}/*" in media_types

"""Gateway responses: what API Gateway says itself, as the deployed API configures it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

STATUS = {
    "UNAUTHORIZED": 401,
    "ACCESS_DENIED": 403,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "REQUEST_TOO_LARGE": 413,
    "AUTHORIZER_FAILURE": 500,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
}
"""API Gateway's own statuses, for types that the API leaves as they are."""
_VARIABLE = re.compile(r"\$(?:\{(context\.[A-Za-z.]+)\}|(context\.[A-Za-z]+(?:\.[A-Za-z]+)*))")
_HEADER = "gatewayresponse.header."


class GatewayError(Exception):
    """An answer that API Gateway gives itself. ``status`` is for types whose status the API leaves open."""

    def __init__(self, kind: str, message: str, *, status: int | None = None) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind, self.message, self.status = kind, message, status


class GatewayResponses:
    """The API's table of them; ``render`` turns an error into status, headers and body."""

    def __init__(self, items: Iterable[Mapping[str, Any]]) -> None:
        self._types = {item["responseType"]: item for item in items}

    def render(self, error: GatewayError, request_id: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of ``error``; the defaults for 4xx and 5xx stand in for types left as they are."""
        own_status = error.status or STATUS.get(error.kind, 500)
        item = self._types.get(error.kind, {})
        if item.get("defaultResponse", not item):
            item = self._types.get("DEFAULT_4XX" if own_status < 500 else "DEFAULT_5XX", item)
            status = own_status
        else:
            status = int(item.get("statusCode") or own_status)
        template = (item.get("responseTemplates") or {}).get(
            "application/json"
        ) or '{"message":$context.error.messageString}'
        values = {
            "context.error.message": error.message,
            "context.error.messageString": json.dumps(error.message),
            "context.error.responseType": error.kind,
            "context.requestId": request_id,
        }
        body = _VARIABLE.sub(lambda found: values.get(found[1] or found[2], ""), template)
        headers = {"content-type": "application/json", "x-amzn-RequestId": request_id}
        for name, value in (item.get("responseParameters") or {}).items():
            if name.startswith(_HEADER):
                headers[name[len(_HEADER) :]] = value.strip("'")
        return status, headers, body.encode()

"""A client of the gateway under measurement, with a connection that is kept alive."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

WAIT_S = 60.0


class Caller:
    """One caller with a connection of its own."""

    def __init__(self, base_url: str, api_key: str) -> None:
        url = urlsplit(base_url)
        self._connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=WAIT_S)
        self._headers = {"authorization": f"Bearer {api_key}", "content-type": "application/json"}

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def call(self, method: str, path: str, body: dict[str, Any] | bytes | None = None) -> dict[str, Any]:
        """The answer's JSON. Raises RuntimeError with what was said instead, OSError, HTTPException."""
        raw = json.dumps(body) if isinstance(body, dict) else body
        self._connection.request(method, path, raw, self._headers)
        response = self._connection.getresponse()
        answer = response.read()
        if not 200 <= response.status < 300:
            raise RuntimeError(f"{response.status}: {answer[:300].decode(errors='replace')}")
        return dict(json.loads(answer)) if answer else {}

"""The same application behind the managed runtime's own, buffering loop: what a streamed cold start is compared with.

Copied into a bundle by ``bench.cold_start``; awslambdaric calls ``handler``.
"""

from __future__ import annotations

import json
from typing import Any

from handlers.chat import build
from slipstream.runtime.lambda_event import decode

app, _ = build()  # awslambdaric has no other hook inside the init phase


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a REST proxy event with the whole body at once."""
    response = app(decode(json.dumps(event).encode()))
    body = b"".join(response.body).decode()
    response.settle()
    return {"statusCode": response.status, "headers": dict(response.headers), "body": body}

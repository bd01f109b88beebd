"""A buffered function's answer (one JSON document) in the form of a streamed one."""

from __future__ import annotations

import json
from base64 import b64decode

from local.lambda_host.invocation import DELIMITER


def as_stream(document: bytes) -> bytes:
    """Prelude, delimiter and body of a REST proxy answer. Raises ValueError for anything else."""
    answer = json.loads(document)
    if not isinstance(answer, dict) or "statusCode" not in answer:
        raise ValueError("the answer is not an object with statusCode")
    text = answer.get("body") or ""
    body = b64decode(text) if answer.get("isBase64Encoded") else str(text).encode()
    kept = ("statusCode", "headers", "multiValueHeaders")
    return json.dumps({name: answer[name] for name in kept if name in answer}).encode() + DELIMITER + body

"""The report as a header. API Gateway takes about 10 KB of headers, so what a caller's own text can fill is bounded."""

from __future__ import annotations

from typing import Any

import msgspec

from slipstream.gateway import manners

NAME = "x-slipstream-report"
LIMIT_BYTES = 4096
_SPARED = ("rag", "notes", "cache_points", "sent", "use_case", "spans_ms")
"""What is left out, in this order, until the rest fits."""


def encode(report: dict[str, Any]) -> str:
    """``report`` as ASCII JSON of at most ``LIMIT_BYTES``; ``"truncated": true`` where that took leaving out."""
    text = _json(report)
    if len(text) <= LIMIT_BYTES:
        return text
    short = report | {"truncated": True}
    if isinstance(stop := report.get("sent", {}).get("stop"), list):
        short["sent"] = report["sent"] | {"stop": len(stop)}
    for part in ("rag", "cache"):
        if part in short:
            short[part] = {name: value for name, value in short[part].items() if not isinstance(value, list | dict)}
    for name in _SPARED:
        if len(text := _json(short)) <= LIMIT_BYTES:
            return text
        short.pop(name, None)
    text = _json(short)
    return text if len(text) <= LIMIT_BYTES else _json({"truncated": True})  # a model's name as long as a path can be


def _json(report: dict[str, Any]) -> str:
    return manners.ascii_json(msgspec.json.encode(report))

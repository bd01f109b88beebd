"""Metrics in CloudWatch's embedded metric format: one JSON line on standard output a request, after its last byte."""

from __future__ import annotations

import time
from typing import Any, TextIO

import msgspec

UNITS = (("_ms", "Milliseconds"), ("_tokens", "Count"), ("_usd", "None"), ("_bytes", "Bytes"))


def unit_of(name: str) -> str:
    """CloudWatch's unit for a metric whose name ends in its unit."""
    return next((unit for suffix, unit in UNITS if name.endswith(suffix)), "Count")


class EmfSink:
    """Writes to ``out``: standard output, which Lambda ships to CloudWatch. Format: AWS's embedded metric format."""

    def __init__(self, namespace: str, out: TextIO) -> None:
        self._namespace = namespace
        self._out = out
        self._definitions: dict[tuple[str, ...], list[dict[str, str]]] = {}

    def record(self, metrics: dict[str, float], dimensions: dict[str, str], properties: dict[str, Any]) -> None:
        """Write one line; a sink that cannot be written to loses the figures, never the request."""
        names = tuple(metrics)
        definitions = self._definitions.get(names)
        if definitions is None:
            definitions = self._definitions[names] = [{"Name": name, "Unit": unit_of(name)} for name in names]
        line = {
            "_aws": {
                "Timestamp": int(time.time() * 1000),
                "CloudWatchMetrics": [
                    {"Namespace": self._namespace, "Dimensions": [[], list(dimensions)], "Metrics": definitions}
                ],
            },
            **metrics,
            **dimensions,
            **properties,
        }
        try:
            self._out.write(msgspec.json.encode(line).decode() + "\n")
            self._out.flush()
        except OSError:
            return

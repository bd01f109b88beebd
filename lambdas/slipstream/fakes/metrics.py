"""A metrics sink that keeps what it was given."""

from __future__ import annotations

from typing import Any


class MemoryMetrics:
    """``rows`` holds (metrics, dimensions, properties) in the order of arrival."""

    def __init__(self) -> None:
        self.rows: list[tuple[dict[str, float], dict[str, str], dict[str, Any]]] = []

    def record(self, metrics: dict[str, float], dimensions: dict[str, str], properties: dict[str, Any]) -> None:
        """Keep one request's figures."""
        self.rows.append((metrics, dimensions, properties))

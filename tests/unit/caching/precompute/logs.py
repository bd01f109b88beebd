"""Small query logs for tests."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

Row = tuple[str, str, int, int]
HEADER = "month\tquery\timpressions\tvisits"


def write(path: Path, rows: Iterable[Row], header: str = HEADER) -> Path:
    """Rows as a log, packed where the name says so."""
    text = "\n".join([header, *("\t".join(map(str, row)) for row in rows)]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def steady(periods: Iterable[str], queries: dict[str, int]) -> list[Row]:
    """The same queries in each period, as often."""
    return [(period, query, count, count) for period in periods for query, count in queries.items()]

"""The table that ``slipstream index tune`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE
from rich.table import Table


def table(found: Mapping[str, Any]) -> Table:
    """Candidates that no other beats, best recall first; the recommended one in bold, estimates with a ≈."""
    rows = [row for row in found["candidates"] if row["pareto"] or row is found["candidates"][0]]
    title = (
        f"{found['index']}: {found['passages']:,} passages, {found['questions']} questions; "
        f"{len(found['candidates'])} candidates, the best trades:"
    )
    shown = Table(title=title, title_justify="left", box=SIMPLE)
    shown.add_column("candidate")
    for name in ("recall@10", "p95 ms", "memory", "$ a month"):
        shown.add_column(name, justify="right")
    shown.add_column("measured")
    for row in sorted(rows, key=lambda row: (-row["recall@10"], row["memory_bytes"])):
        sign = "≈ " if row["latency_from"] == "estimate" else ""
        now = " (now)" if row is found["candidates"][0] else ""
        shown.add_row(
            row["label"] + now,
            f"{row['recall@10']:.3f}",
            f"{sign}{row['p95_ms']:.1f}",
            f"{row['memory_bytes'] / 2**20:,.1f} MiB",
            f"{row['monthly_usd']:,.2f}",
            row["recall_from"],
            style="bold" if row["label"] == found["recommendation"]["label"] else "",
        )
    return shown

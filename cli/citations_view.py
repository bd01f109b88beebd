"""An answer's citations in the terminal: number, document, section, offsets, score, source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


def citations(rag: Mapping[str, Any]) -> RenderableType:
    """What ``report["rag"]`` says of the answer's sources; below it, what was left out on the way."""
    cited = rag.get("citations") or []
    said: list[RenderableType] = [_table(cited)] if cited else []
    if not cited and rag.get("passages"):
        said.append(Text("No passage of the index supports this answer. It was given:", style="yellow"))
        said.append(_table(rag["passages"]))
    if dropped := rag.get("citations_dropped"):
        said.append(Text(f"{dropped} citation{'s' * (dropped != 1)} left out: nothing in the passage supports it"))
    if missing := rag.get("missing"):
        said.append(Text(f"not in time, so left out: {', '.join(missing)}", style="yellow"))
    return Group(*said)


def _table(rows: list[dict[str, Any]]) -> Table:
    shown = Table(box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    sources = any(row.get("source") for row in rows)
    for name in ("", "document", "section", "offsets", "score", *(["source"] if sources else [])):
        shown.add_column(name, justify="right" if name in ("", "offsets", "score") else "left", overflow="fold")
    for row in rows:
        offsets = f"{row.get('start', 0)}–{row.get('end', 0)}"
        section = row.get("section") or row.get("title") or ""
        texts = [
            f"[{row.get('number')}]",
            str(row.get("document", "")),
            section,
            offsets,
            f"{row.get('score', 0.0):.2f}",
        ]
        shown.add_row(*map(Text, [*texts, *([str(row.get("source") or "")] if sources else [])]))
    return shown

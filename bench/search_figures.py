"""Figures of ``slipstream index tune`` and ``slipstream search profile``: SVG, drawn from their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.figures import ACCENT, INK, SOFT, WARM

KINDS = {("lucene", "engine"): (ACCENT, "o"), ("faiss", "engine"): (WARM, "o"), ("faiss", "in process"): (WARM, "s")}


def tuning(result: Mapping[str, Any], path: Path) -> Path:
    """Recall against memory and against p95, a point a candidate; filled where no other beats it, the choice ringed."""
    title = f"{result['index']}: what {len(result['candidates'])} candidates reach, and what for"
    figure, panels = _panels(title, ("memory, MiB (formula)", "p95, ms"), width=9.6, height=4.4)
    best = next(row for row in result["candidates"] if row["label"] == result["recommendation"]["label"])
    for axes, key, unit in zip(panels, ("memory_bytes", "p95_ms"), (2**20, 1), strict=True):
        for kind, (colour, mark) in KINDS.items():
            rows = [row for row in result["candidates"] if (row["spec"]["engine"], row["recall_from"]) == kind]
            for front in (False, True):
                some = [row for row in rows if row["pareto"] is front]
                axes.scatter(
                    [row[key] / unit for row in some], [row["recall@10"] for row in some], s=34, marker=mark,
                    label=", ".join(kind) if front and rows else None, edgecolors=colour,
                    facecolors=colour if front else "none", linewidths=1.1,
                )  # fmt: skip
        axes.scatter([best[key] / unit], [best["recall@10"]], s=190, facecolors="none", edgecolors=INK, linewidths=1.4)
        axes.axhline(result["targets"]["recall"], color=SOFT, linewidth=1, linestyle="--", zorder=0)
    panels[0].set_ylabel("recall@10")
    panels[0].set_xscale("log")
    panels[0].xaxis.set_major_formatter("{x:,.0f}")
    panels[0].xaxis.set_minor_formatter("{x:,.0f}")
    panels[1].legend(frameon=False, fontsize=8, loc="lower right", title=f"ringed: {best['label']}", title_fontsize=8)
    return _write(figure, path)


def _panels(title: str, x_labels: tuple[str, ...], *, width: float, height: float) -> tuple[Any, Any]:
    """Axes side by side that share their height."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "slipstream", "font.family": "DejaVu Sans", "font.size": 9, "text.color": INK,
                         "axes.edgecolor": SOFT, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK})  # fmt: skip
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    panels = figure.subplots(1, len(x_labels), sharey=True, squeeze=False)[0]
    for panel, label in zip(panels, x_labels, strict=True):
        panel.set_xlabel(label)
        panel.spines[["top", "right"]].set_visible(False)
    return figure, panels


def _write(figure: Any, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})
    return path

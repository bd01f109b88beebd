"""Figures of ``slipstream index tune`` and ``slipstream search profile``: SVG, drawn from their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.figures import ACCENT, INK, SOFT, WARM

KINDS = {("lucene", "engine"): (ACCENT, "o"), ("faiss", "engine"): (WARM, "o"), ("faiss", "in process"): (WARM, "s")}
STAGE_COLOURS = {
    "prepare": INK, "embedding": WARM, "network": SOFT, "engine": ACCENT, "fusion": "#a21caf", "rerank": "#15803d",
}  # fmt: skip
SHOWN = 46


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
    panels[0].xaxis.set_major_formatter("{x:,g}")
    panels[0].xaxis.set_minor_formatter("{x:,g}")
    panels[0].tick_params(axis="x", which="minor", labelsize=7)
    panels[0].set_title(f"ringed: {best['label']}; filled: no other is better in all", loc="left", fontsize=8)
    figure.legend(*panels[1].get_legend_handles_labels(), frameon=False, fontsize=8, ncols=3, loc="upper right")
    return _write(figure, path)


def profile(result: Mapping[str, Any], path: Path) -> Path:
    """Stages one after another, for the median, the 95th percentile and the slowest queries."""
    slow = result["slowest"]
    rows = [{name: stage[share] for name, stage in result["stages_ms"].items()} for share in ("p50", "p95")]
    rows += [row["stages_ms"] for row in slow]
    labels = ["p50 of each stage", "p95 of each stage", *(_short(row["text"]) for row in slow)]
    figure, (axes,) = _panels(f"{result['index']}: where {result['queries']} queries' time goes", ("ms",), width=9.6,
                              height=1.5 + 0.32 * len(rows))  # fmt: skip
    begun = [0.0] * len(rows)
    for name, colour in STAGE_COLOURS.items():
        widths = [row[name] for row in rows]
        axes.barh(range(len(rows)), widths, left=begun, height=0.66, label=name, color=colour)
        begun = [start + width for start, width in zip(begun, widths, strict=True)]
    for number, whole in enumerate(begun):
        axes.annotate(f"{whole:,.1f}", (whole, number), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), labels)
    axes.invert_yaxis()
    axes.margins(x=0.08)
    figure.legend(frameon=False, fontsize=8, ncols=len(STAGE_COLOURS), loc="upper right")
    return _write(figure, path)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _panels(title: str, x_labels: tuple[str, ...], *, width: float, height: float) -> tuple[Any, Any]:
    """Axes side by side that share their height."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({
        "svg.hashsalt": "slipstream", "font.family": "DejaVu Sans", "font.size": 9, "text.color": INK,
        "axes.edgecolor": SOFT, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
    })  # fmt: skip
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

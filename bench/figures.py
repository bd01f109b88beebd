"""A figure for each benchmark: SVG, drawn from its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.results import FOLDER

INK, SOFT, ACCENT, WARM = "#1b2733", "#9fb3c8", "#0b7285", "#e8590c"
COLOURS = {"direct": SOFT, "gateway": ACCENT, "edge": WARM}


def _axes(title: str, y_label: str, *, width: float = 7.2, height: float = 3.6) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update(
        {"svg.hashsalt": "slipstream", "font.family": "DejaVu Sans", "font.size": 9, "text.color": INK,
         "axes.edgecolor": SOFT, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK}
    )  # fmt: skip
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axes.set_ylabel(y_label)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _panels(title: str, x_labels: tuple[str, ...]) -> tuple[Any, Any]:
    """Axes side by side that share their height."""
    figure, axes = _axes("", "", width=9.6, height=4.4)
    axes.remove()
    panels = figure.subplots(1, len(x_labels), sharey=True)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    for panel, label in zip(panels, x_labels, strict=True):
        panel.set_xlabel(label)
        panel.spines[["top", "right"]].set_visible(False)
    return figure, panels


def _save(figure: Any, name: str) -> Path:
    return _write(figure, FOLDER / f"{name}.svg")


def _write(figure: Any, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})
    return path


def _bars(axes: Any, labels: list[str], groups: Mapping[str, list[float]], unit: str) -> None:
    width = 0.8 / len(groups)
    for number, (name, values) in enumerate(groups.items()):
        at = [i - 0.4 + width * (number + 0.5) for i in range(len(labels))]
        bars = axes.bar(at, values, width * 0.92, label=name, color=COLOURS.get(name, (SOFT, ACCENT, WARM)[number % 3]))
        axes.bar_label(bars, labels=[f"{v:,.4g}{unit}" for v in values], fontsize=7, padding=2)
    axes.set_xticks(range(len(labels)), labels)
    if len(groups) > 1:
        axes.legend(frameon=False, fontsize=8, ncols=len(groups), loc="upper left")
    axes.margins(y=0.22)


def overhead(result: Mapping[str, Any]) -> Path:
    """TTFT p50 of every path at every concurrency."""
    levels = list(result["concurrency"])
    names = [name for name in ("direct", "gateway", "edge") if name in result["concurrency"][levels[0]]]
    groups = {
        name: [result["concurrency"][level][name]["ttft_ms"].get("p50", 0.0) for level in levels] for name in names
    }
    figure, axes = _axes("Time to first token (p50): direct, through the gateway, through the edge", "ms")
    _bars(axes, [f"{level} at once" for level in levels], groups, "")
    return _save(figure, "overhead")


def tuning(result: Mapping[str, Any], path: Path) -> Path:
    """Recall against memory and against p95, a point a candidate; filled where no other beats it, the choice ringed."""
    figure, panels = _panels(
        f"{result['index']}: recall@10 against memory and time", ("memory, MiB (formula)", "p95, ms")
    )
    kinds = {
        ("lucene", "engine"): (ACCENT, "o"),
        ("faiss", "engine"): (WARM, "o"),
        ("faiss", "in process"): (WARM, "s"),
    }
    for axes, key, unit in zip(panels, ("memory_bytes", "p95_ms"), (2**20, 1), strict=True):
        for (engine, how), (colour, mark) in kinds.items():
            rows = [row for row in result["candidates"] if (row["spec"]["engine"], row["recall_from"]) == (engine, how)]
            for front in (False, True):
                some = [row for row in rows if row["pareto"] is front]
                label = f"{engine}, {how}" if front and some else None
                axes.scatter(
                    [row[key] / unit for row in some], [row["recall@10"] for row in some], s=34, marker=mark,
                    label=label, edgecolors=colour, facecolors=colour if front else "none", linewidths=1.1,
                )  # fmt: skip
        best = next(row for row in result["candidates"] if row["label"] == result["recommendation"]["label"])
        axes.scatter([best[key] / unit], [best["recall@10"]], s=190, facecolors="none", edgecolors=INK, linewidths=1.4)
        axes.axhline(result["targets"]["recall"], color=SOFT, linewidth=1, linestyle="--", zorder=0)
    panels[0].set_ylabel("recall@10")
    panels[0].set_xscale("log")
    panels[1].legend(frameon=False, fontsize=8, loc="lower right")
    panels[0].annotate(best["label"], (best["memory_bytes"] / 2**20, best["recall@10"]), (0, -16),
                       textcoords="offset points", fontsize=7.5, ha="center", va="top")  # fmt: skip
    return _write(figure, path)


def streaming(result: Mapping[str, Any]) -> Path:
    """Wait until there is something to read, streamed against buffered."""
    waits = result["wait_until_readable_ms"]
    figure, axes = _axes(f"Wait until something to read, {result['pace']['tokens']} tokens (modelled pace)", "ms")
    _bars(axes, list(waits), {"wait": list(waits.values())}, " ms")
    return _save(figure, "streaming")


def prompt_cache(result: Mapping[str, Any]) -> Path:
    """TTFT of the first and the second call over one long prefix."""
    ways = result["ways"]
    groups = {which: [ways[way][which]["ttft_ms"] for way in ways] for which in ("cold", "warm")}
    figure, axes = _axes(f"First token over a {result['prefix_tokens']:,}-token prefix (modelled)", "ms")
    _bars(axes, list(ways), groups, "")
    return _save(figure, "prompt-cache")


def cold_start(result: Mapping[str, Any]) -> Path:
    """Process start → first byte, by runtime and CPU share."""
    rows = {name: row for name, row in result["runtimes"].items() if row.get("first_byte_ms")}
    figure, axes = _axes("Cold start: process → first byte (p50)", "ms")
    _bars(axes, list(rows), {"first byte": [row["first_byte_ms"]["p50"] for row in rows.values()]}, " ms")
    return _save(figure, "cold-start")


FIGURES = {"overhead": overhead, "streaming": streaming, "prompt-cache": prompt_cache, "cold-start": cold_start}

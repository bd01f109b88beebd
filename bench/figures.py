"""A figure for each benchmark: SVG, drawn from its JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.results import FOLDER

INK, SOFT, ACCENT, WARM = "#1b2733", "#9fb3c8", "#0b7285", "#e8590c"
COLOURS = {
    "gateway": ACCENT, "edge": WARM, "first call": SOFT, "second call": ACCENT, "full CPU": ACCENT, "0.29 vCPU": SOFT,
    "wait": ACCENT,
    "bare": SOFT, "load": ACCENT, "nDCG@10": ACCENT,
}  # fmt: skip
ROW_INCHES = 0.3
Series = Mapping[str, Sequence[float | None]]


def _axes(title: str, *, height: float = 3.6) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update(
        {"svg.hashsalt": "slipstream", "font.family": "DejaVu Sans", "font.size": 9, "text.color": INK,
         "axes.edgecolor": SOFT, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK}
    )  # fmt: skip
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Any, name: str) -> Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.svg"
    figure.savefig(path, format="svg", metadata={"Date": None})
    return path


def _rows(
    title: str, x_label: str, labels: Sequence[str], series: Series, *, hatched: Sequence[str] = (), note: str = ""
) -> Any:
    """Horizontal bars, one group a label, top to bottom; a label in ``hatched`` was not measured in this run."""
    lines = len(labels) * len(series)
    figure, axes = _axes(title, height=1.3 + ROW_INCHES * lines + (0.25 if note else 0))
    thick = 0.8 / len(series)
    for number, (name, values) in enumerate(series.items()):
        bars = [(row, value) for row, value in enumerate(values) if value is not None]
        for place, (row, value) in enumerate(bars):
            at = row - 0.4 + thick * (number + 0.5)
            hatch = "////" if labels[row] in hatched else None
            label = name if place == 0 else None
            look = {"color": COLOURS[name], "hatch": hatch, "edgecolor": "white", "linewidth": 0, "label": label}
            axes.barh(at, value, thick * 0.9, **look)
            axes.annotate(f"{value:,.0f}", (value, at), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel(x_label)
    axes.tick_params(axis="y", length=0)
    if len(series) > 1:
        figure.legend(frameon=False, fontsize=8, ncols=len(series), loc="upper right")
    if note:
        figure.text(0.01, 0.01, note, fontsize=7, color=INK)
        figure.get_layout_engine().set(rect=(0, 0.25 / figure.get_figheight(), 1, 1 - 0.25 / figure.get_figheight()))
    return figure


def overhead(result: Mapping[str, Any]) -> Path:
    """What each path adds to the direct call's median TTFT, at every concurrency, with its 95 % interval."""
    levels = result["concurrency"]
    names = [name for name in ("gateway", "edge") if name in next(iter(levels.values()))["added_ttft_ms"]]
    figure, axes = _axes("Added to the time to first token (median; whiskers: 95 % interval)")
    width = 0.7 / len(names)
    for number, name in enumerate(names):
        added = [level["added_ttft_ms"][name] for level in levels.values()]
        heights = [row["p50"] for row in added]
        whiskers = [
            [max(0.0, row["p50"] - row["p50_low_95"]) for row in added],
            [max(0.0, row["p50_high_95"] - row["p50"]) for row in added],
        ]
        at = [i - 0.35 + width * (number + 0.5) for i in range(len(added))]
        bars = axes.bar(at, heights, width * 0.9, yerr=whiskers, label=name, color=COLOURS[name], ecolor=INK, capsize=3)
        axes.bar_label(bars, labels=[f"{height:+.2f} ms" for height in heights], fontsize=8, padding=2)
    ticks = [f"{level} at once\n(direct: {row['direct']['ttft_ms']['p50']:.1f} ms)" for level, row in levels.items()]
    axes.set_xticks(range(len(ticks)), ticks)
    axes.set_ylabel("ms over the direct call")
    axes.margins(y=0.15)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return _save(figure, "overhead")


def streaming(result: Mapping[str, Any]) -> Path:
    """Wait until there is something to read, streamed against buffered."""
    waits, pace = result["wait_until_readable_ms"], result["pace"]
    title = f"Wait until something to read, answer of {pace['tokens']} tokens (modelled)"
    return _save(_rows(title, "ms", list(waits), {"wait": list(waits.values())}), "streaming")


def prompt_cache(result: Mapping[str, Any]) -> Path:
    """TTFT of the first and the second call over one prefix, by model and length."""
    settings = result["settings"]
    labels = [
        f"{_short(row['model'])}, {row['prefix_tokens']:,} tokens: {row['ttft_ratio']:.1f} times" for row in settings
    ]
    calls: dict[str, list[float | None]] = {
        "first call": [row["cold"]["ttft_ms"] for row in settings],
        "second call": [row["warm"]["ttft_ms"] for row in settings],
    }
    published = "; ".join(f"{row['who']} {row['change']:+.0%} {row['at']}" for row in result["published"])
    note = f"Cache reads take no time here. Published: {published}"
    return _save(_rows("First token over a cached prefix (modelled)", "ms", labels, calls, note=note), "prompt-cache")


def _short(model: str) -> str:
    """``us.anthropic.claude-sonnet-4-5-20250929-v1:0`` → ``claude-sonnet-4-5``."""
    words = model.rpartition(".")[2].split("-")
    return "-".join(word for word in words if not word.startswith("v1") and len(word) < 8)


def cold_start(result: Mapping[str, Any]) -> Path:
    """Process start → first byte, by runtime and CPU share; recorded figures are hatched."""
    limited = ", 0.29 vCPU"
    found = {name: row["first_byte_ms"]["p50"] for name, row in result["runtimes"].items() if row.get("first_byte_ms")}
    plain = {name.replace(limited, ""): None for name in found}
    recorded = [name for name in plain if "recorded" in name]
    series: dict[str, list[float | None]] = {
        "full CPU": [found.get(name) for name in plain],
        "0.29 vCPU": [found.get(name + limited) or found.get(name.replace(" (", f"{limited} (")) for name in plain],
    }
    note = "Hatched: not measured in this run, see docs/benchmarks.md" if recorded else ""
    title = "Cold start: process start to first byte (median)"
    return _save(_rows(title, "ms", list(plain), series, hatched=recorded, note=note), "cold-start")


def retrieval(result: Mapping[str, Any], path: Path) -> Path:
    """nDCG@10 of every way of ranking, with the legs and what an engine's own pipelines make of them."""
    rows = {**result["results"], **result.get("comparison", {})}
    series: dict[str, list[float | None]] = {"nDCG@10": [100 * row["ndcg@10"] for row in rows.values()]}
    title = f"nDCG@10 on {result['data']} ({result['queries']} questions)"
    figure = _rows(title, "nDCG@10 × 100", list(rows), series)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})
    return path


def ingestion(result: Mapping[str, Any]) -> Path:
    """Passages a second, embedded alone and loaded into an index, round by round."""
    rounds = result["rounds"]
    series: dict[str, list[float | None]] = {
        "bare": [each["bare_passages_per_s"] for each in rounds],
        "load": [each["load_passages_per_s"] for each in rounds],
    }
    labels = [f"round {number}" for number in range(1, len(rounds) + 1)]
    return _save(_rows("Passages: embedded alone, and loaded into the index", "a second", labels, series), "ingestion")


FIGURES = {
    "overhead": overhead, "streaming": streaming, "prompt-cache": prompt_cache, "cold-start": cold_start,
    "ingestion": ingestion,
}  # fmt: skip

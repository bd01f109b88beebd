"""Latency: optimized against standard, small models against large ones, several requests side by side."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from cli.demo_table import dollars
from cli.gateway_client import Reply
from cli.stage import Stage, drained
from cli.tour import TOUR, Stop

ROUNDS = 3
QUESTION = "How does an alias split traffic between two versions?"
OPTIMIZED = "us.amazon.nova-pro-v1:0"
SIDE_BY_SIDE = TOUR[-1].questions


def run(stage: Stage) -> dict[str, Any]:
    """Medians of three rounds each; times in ms."""
    off = {"cache": "off"}
    ways: dict[str, dict[str, Any]] = {
        "standard": {"model": OPTIMIZED, "slipstream": off},
        "optimized": {"model": OPTIMIZED, "slipstream": {"latency": "optimized", **off}},
        **{alias: {"model": alias, "slipstream": off} for alias in ("fast", "balanced", "best")},
    }
    asked = {}
    for name, changes in ways.items():
        asked[name] = _figures([drained(stage.target, _body(QUESTION, changes)) for _ in range(ROUNDS)])
        stage.console.print(f"[dim]· {name}: {ROUNDS} answers[/dim]")
    return {"ways": asked, "at_once": _at_once(stage)}


def _body(question: str, changes: dict[str, Any]) -> dict[str, Any]:
    return Stop("latency", (question,), "lambda-versions.md", "total", "").body(question, changes)


def _figures(replies: Sequence[Reply]) -> dict[str, Any]:
    last = replies[-1].report
    return {
        "model": last.get("model"),
        "latency": last.get("latency", "standard"),
        "first_token_ms": round(median(reply.first_token_ms or reply.total_ms for reply in replies), 1),
        "total_ms": round(median(reply.total_ms for reply in replies), 1),
        "cost_usd": last.get("cost_usd"),
    }


def _at_once(stage: Stage) -> dict[str, Any]:
    bodies = [_body(question, {"model": "fast", "slipstream": {"cache": "off"}}) for question in SIDE_BY_SIDE]
    began = time.perf_counter()
    with ThreadPoolExecutor(len(bodies)) as pool:
        each = [reply.total_ms for reply in pool.map(lambda body: drained(stage.target, body), bodies)]
    took_ms = (time.perf_counter() - began) * 1000
    return {
        "each_ms": [round(ms, 1) for ms in each],
        "together_ms": round(took_ms, 1),
        "slowest_ms": round(max(each), 1),
        "one_after_the_other_ms": round(sum(each), 1),
    }


def tables(found: dict[str, Any]) -> Sequence[Table]:
    """One row a way; then the requests side by side."""
    ways = Table(title="One question, five ways", title_justify="left", box=SIMPLE)
    for name in ("way", "model", "latency used", "first token", "total", "cost"):
        ways.add_column(name, justify="left" if name in ("way", "model", "latency used") else "right", overflow="fold")
    for name, row in found["ways"].items():
        times = f"{row['first_token_ms']:,.0f} ms", f"{row['total_ms']:,.0f} ms"
        ways.add_row(name, short(str(row["model"])), str(row["latency"]), *times, dollars(row["cost_usd"]))
    side = found["at_once"]
    title = f"{len(side['each_ms'])} requests at once: the total is the slowest"
    together = Table(title=title, title_justify="left", box=SIMPLE)
    for name in ("each", "slowest", "together", "one after the other"):
        together.add_column(name, justify="right")
    each = ", ".join(f"{ms:,.0f}" for ms in side["each_ms"])
    totals = [f"{side[name]:,.0f} ms" for name in ("slowest_ms", "together_ms", "one_after_the_other_ms")]
    together.add_row(f"{each} ms", *totals)
    return [ways, together]


def short(model_id: str) -> str:
    """A model's id without provider, date and version, which would not fit into eighty columns."""
    bare = model_id.partition(".")[2] or model_id
    return re.sub(r"(-20\d{6})?(-v\d+)?(:\d+)?$", "", bare)

"""A reply's waterfall as bars in the terminal, and its tokens and dollars in a line."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import shorten
from typing import Any

from rich.table import Table
from rich.text import Text

WIDTH = 44
QUESTION_CHARS = 80
"""Of the question that a semantic hit was made for."""
BEFORE = "before"
"""What the client waited beyond the function's own time to its first token: network, edge, a cold start."""
COLOURS = {
    BEFORE: "bright_black", "start": "bright_black",
    "parse": "cyan", "resolve": "cyan", "plan": "cyan", "heal": "magenta", "connect": "yellow", "retrieve": "red",
    "bedrock_wait": "blue", "first_token": "blue", "stream": "green", "settle": "bright_black",
}  # fmt: skip
WITHIN = dict.fromkeys(("describe_index", "rewrite", "prepare", "embed", "search", "rank"), "retrieve")
"""Spans that are parts of another one, where that is there."""
EXPLAINED = {
    BEFORE: "before the function",
    "bedrock_wait": "bedrock wait",
    "first_token": "first token",
    **{name: f"· {name.replace('_', ' ')}" for name in WITHIN},
}


AFTER_FIRST_TOKEN = frozenset({"stream", "settle"})


def laid_out(spans_ms: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """(name, start, duration) in ms: the request path is synchronous, so each span begins where the last one ended.

    Parts of a span lie inside it, one after the other.
    """
    rows, start = [], 0.0
    inside: dict[str, float] = {}
    for name, duration in spans_ms.items():
        whole = WITHIN.get(name)
        if whole in inside:
            rows.append((name, inside[whole], duration))
            inside[whole] += duration
        else:
            rows.append((name, start, duration))
            inside[name] = start
            start += duration
    return rows


def waited(report: Mapping[str, Any], first_token_ms: float | None) -> list[tuple[str, float, float]]:
    """The spans of ``report``, behind what passed outside the function, so that they add up to the client's wait."""
    spans = dict(report.get("spans_ms") or {})
    if first_token_ms is None or not spans:
        return laid_out(spans)
    known = (name for name in spans if name not in AFTER_FIRST_TOKEN and WITHIN.get(name) not in spans)
    inside = sum(spans[name] for name in known)
    return laid_out({BEFORE: max(first_token_ms - inside, 0.0), **spans})


def bar(start: float, duration: float, total: float, width: int = WIDTH) -> tuple[int, int]:
    """Columns of blank and of bar; a span that took any time at all gets one column."""
    if total <= 0:
        return 0, 0
    blank = min(int(start / total * width), width - 1)
    return blank, min(max(round(duration / total * width), 1 if duration > 0 else 0), width - blank)


def waterfall(report: Mapping[str, Any], first_token_ms: float | None = None) -> Table:
    """The bars of ``report["spans_ms"]``; with the client's own figure also that of the time before the function."""
    rows = waited(report, first_token_ms)
    total = max((start + duration for _, start, duration in rows), default=0.0)
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right")
    table.add_column(width=WIDTH, no_wrap=True)
    table.add_column(justify="right")
    for name, start, duration in rows:
        blank, filled = bar(start, duration, total)
        colour = COLOURS.get(name) or COLOURS.get(WITHIN.get(name, ""), "white")
        shown = Text(" " * blank).append("█" * filled, style=colour)
        table.add_row(EXPLAINED.get(name, name), shown, f"{duration:,.1f} ms")
    return table


def summary(report: Mapping[str, Any], first_token_ms: float | None, total_ms: float) -> str:
    """One line: model, times as the client saw them, tokens, dollars; of a kept answer, whence it came."""
    tokens = report.get("tokens") or {}
    said = [str(report.get("model", "?"))]
    if first_token_ms is not None:
        said.append(f"first token {first_token_ms:,.0f} ms")
    said.append(f"total {total_ms:,.0f} ms")
    if tokens:
        cached = f" ({tokens['cached']:,} from cache)" if tokens.get("cached") else ""
        said.append(f"{tokens.get('input', 0):,} tokens in{cached}, {tokens.get('output', 0):,} out")
    if "cost_usd" in report:
        said.append(f"${report['cost_usd']:.6f}")
    source = kept(report.get("cache") or {})
    if source:
        said.append(source)
    if saved := report.get("saved_usd"):
        how = "" if source else " by prompt caching"  # of a kept answer: against the call that made it
        said.append(f"saved ${saved:.6f}{how}" if saved > 0 else lost(saved, how))
    return " · ".join(said)


def kept(cache: Mapping[str, Any]) -> str:
    """What the reply's ``cache`` says of an answer that this request did not make; empty where it made it."""
    if cache.get("outcome") == "joined":
        return "joined another's answer"
    if cache.get("outcome") != "hit":
        return ""
    told = f"{cache.get('kind', 'exact')} hit"
    if cache.get("kind") == "semantic" and cache.get("question"):
        told += f" of “{shorten(cache['question'], QUESTION_CHARS, placeholder=' …')}”"
    if (age_s := cache.get("age_s")) is not None:
        told += f", {age(age_s)} old"
    return told + (", made before anybody asked" if cache.get("precomputed") else "")


def age(seconds: float) -> str:
    """In the largest unit of which there are two: 90 s, 3 min, 47 h, 2 days."""
    for unit_s, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:,.0f} {name}"
    return f"{seconds:.0f} s"


def lost(saved_usd: float, how: str) -> str:
    """What a prompt that was kept and not yet read again has cost more, or a call that a kept answer has overtaken."""
    if not how:
        return f"lost ${-saved_usd:.6f} by the call that was begun beside it"
    return f"lost ${-saved_usd:.6f} by writing the prompt cache, which the next question over it reads"

"""Prompt cache: one conversation over one long document, turn by turn, and the same turns without the cache."""

from __future__ import annotations

from collections.abc import Sequence
from os import urandom
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from cli.demo_table import share
from cli.document import read_document, system_prompt
from cli.stage import Stage, drained
from cli.tour import MAX_TOKENS, SAMPLES

DOCUMENT = "lambda-operations.md"
TURNS = (
    "What is concurrency?",
    "What happens when reserved concurrency is set to zero?",
    "How often does Lambda retry an asynchronous invocation that fails?",
    "What does a dead-letter queue hold?",
    "When does Lambda throttle a function?",
)


def run(stage: Stage) -> dict[str, Any]:
    """Tokens, dollars and first-token time of each turn, with the cache and without; equal prompts on both ways."""
    # A line of its own: no earlier run may have left this prefix in a cache.
    system = f"Conversation {urandom(6).hex()}.\n{system_prompt(read_document(SAMPLES / DOCUMENT))}"
    messages: list[dict[str, str]] = [{"role": "system", "content": system}]
    turns = []
    for number, question in enumerate(TURNS, 1):
        messages.append({"role": "user", "content": question})
        body = {"model": "balanced", "messages": messages, "max_tokens": MAX_TOKENS}
        cached = drained(stage.target, body)
        plain = drained(stage.target, {**body, "slipstream": {"cache": "off"}})
        messages.append({"role": "assistant", "content": cached.text})
        turns.append({"question": question, "with_cache": _figures(cached), "without": _figures(plain)})
        stage.console.print(f"[dim]turn {number}[/dim] [cyan]{question}[/cyan]\n{cached.text}\n")
    return {
        "document": DOCUMENT,
        "turns": turns,
        "cost_usd": {way: _sum(turns, way) for way in ("with_cache", "without")},
    }


def _figures(reply: Any) -> dict[str, Any]:
    tokens = reply.report.get("tokens") or {}
    return {
        "first_token_ms": round(reply.first_token_ms or reply.total_ms, 1),
        "input_tokens": tokens.get("input", 0),
        "read_tokens": tokens.get("cached", 0),
        "written_tokens": tokens.get("cache_written", 0),
        "cost_usd": reply.report.get("cost_usd"),
    }


def _sum(turns: Sequence[dict[str, Any]], way: str) -> float | None:
    costs = [turn[way]["cost_usd"] for turn in turns]
    return None if None in costs else round(sum(costs), 9)


def tables(found: dict[str, Any]) -> Sequence[Table]:
    """One row a turn, and what the conversation cost."""
    table = Table(
        title=f"A conversation over {found['document']}, in tokens and dollars",
        title_justify="left",
        box=SIMPLE,
        show_footer=True,
    )
    with_it, without = found["cost_usd"]["with_cache"], found["cost_usd"]["without"]
    change = change_of(with_it, without)
    columns = {
        "turn": "all", "read": "", "written": "", "first\ntoken": "", "first\nuncached": "", "cost": money(with_it),
        "cost\nuncached": money(without), "cost\nchange": change,
    }  # fmt: skip
    for name, footer in columns.items():
        table.add_column(name, footer, justify="right", no_wrap=True)
    for number, turn in enumerate(found["turns"], 1):
        mine, other = turn["with_cache"], turn["without"]
        table.add_row(
            f"{number}",
            f"{mine['read_tokens']:,}",
            f"{mine['written_tokens']:,}",
            f"{mine['first_token_ms']:,.0f} ms",
            f"{other['first_token_ms']:,.0f} ms",
            money(mine["cost_usd"]),
            money(other["cost_usd"]),
            change_of(mine["cost_usd"], other["cost_usd"]),
        )
    return [table]


def money(usd: float | None) -> str:
    """A price of some hundredths of a dollar."""
    return "–" if usd is None else f"${usd:.4f}"


def change_of(usd: float | None, uncached_usd: float | None) -> str:
    """What the cache did to the price, where both are known."""
    return share(usd, uncached_usd) if usd is not None and uncached_usd else "–"

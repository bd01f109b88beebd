"""Streaming: when each piece of an answer arrives, and when the same answer arrives unstreamed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from cli.demo_table import share
from cli.gateway_client import Reply, complete, stream
from cli.stage import Stage
from cli.tour import LONG, Stop

LINE_MS = 200.0
"""Pieces that arrive within this time share a line."""
QUESTIONS = (
    "How do reserved and provisioned concurrency work, in detail?",
    "How does asynchronous invocation retry and handle errors, in detail?",
    "How does Lambda scale a function, in detail?",
)


def run(stage: Stage) -> dict[str, Any]:
    """Ask each question twice; arrival times in ms since the question was sent."""
    return {"answers": [_both(stage, question) for question in QUESTIONS]}


def _both(stage: Stage, question: str) -> dict[str, Any]:
    stop = Stop("streaming", (question,), "lambda-operations.md", "first_token", "same, buffered")
    body = stop.body(question, {**LONG, "slipstream": {"cache": "off"}})
    stage.console.print(f"\n[cyan]{question}[/cyan]")
    reply = Reply()
    arrivals: list[float] = []
    waiting, since_ms, began = "", 0.0, time.perf_counter()
    for piece in stream(stage.target, body, reply):
        at_ms = (time.perf_counter() - began) * 1000
        if waiting and at_ms - since_ms > LINE_MS:
            _line(stage, since_ms, waiting)
            waiting = ""
        since_ms = since_ms if waiting else at_ms
        waiting += piece
        arrivals.append(round(at_ms, 1))
    _line(stage, since_ms, waiting)
    whole = complete(stage.target, body)
    return {
        "question": question,
        "first_token_ms": round(reply.first_token_ms or reply.total_ms, 1),
        "streamed_total_ms": round(reply.total_ms, 1),
        "buffered_ms": round(whole.total_ms, 1),
        "pieces": len(arrivals),
        "arrivals_ms": arrivals,
        "same_text": whole.text == reply.text,
    }


def _line(stage: Stage, at_ms: float, text: str) -> None:
    stage.console.print(Text(f"{at_ms:>8,.0f} ms │ ", "dim").append(" ".join(text.split()), "default"))


def tables(found: dict[str, Any]) -> Sequence[Table]:
    """Until there is something to read, and until all is there."""
    table = Table(title="Until there is something to read", title_justify="left", box=SIMPLE)
    for name in ("answer", "streamed", "buffered", "wait", "all of it", "pieces"):
        table.add_column(name, justify="right", no_wrap=True)
    for number, row in enumerate(found["answers"], 1):
        table.add_row(
            f"{number}",
            f"{row['first_token_ms']:,.0f} ms",
            f"{row['buffered_ms']:,.0f} ms",
            share(row["first_token_ms"], row["buffered_ms"]),
            f"{row['streamed_total_ms']:,.0f} ms",
            f"{row['pieces']}",
        )
    return [table]

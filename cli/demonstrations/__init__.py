"""The demonstrations of `slipstream demo NAME`: one capability each, its figures apart from how they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from cli.demonstrations import latency, parameters, precompute, prompt_cache, retrieval, streaming
from cli.stage import Stage


@dataclass(frozen=True)
class Demonstration:
    """``run`` asks and speaks, and returns figures that fit JSON; ``tables`` only shows them."""

    about: str
    run: Callable[[Stage], dict[str, Any]]
    tables: Callable[[dict[str, Any]], Sequence[Table]]
    at_once: int = 1
    """Environments of the function that it needs side by side."""
    ages_days: int = 0
    """By how many days it makes everything older that the stack keeps of answers and questions."""


DEMONSTRATIONS = {
    "streaming": Demonstration(
        "three long answers, streamed against buffered, piece by piece", streaming.run, streaming.tables
    ),
    "prompt-cache": Demonstration(
        "a conversation over a long document, turn by turn, cached and not", prompt_cache.run, prompt_cache.tables
    ),
    "parameters": Demonstration(
        "what each use case sends to each model, and a refused parameter healed", parameters.run, parameters.tables
    ),
    "latency": Demonstration(
        "optimized against standard, fast to best, four at once", latency.run, latency.tables, at_once=4
    ),
    "retrieval": Demonstration(
        "150 pages, 50 questions: BM25, dense, fused, re-ranked; an answer with citations",
        retrieval.run,
        retrieval.tables,
    ),
    "precompute": Demonstration(
        "days of questions, a night in which a schedule fires, the morning after",
        precompute.run,
        precompute.tables,
        at_once=precompute.AT_ONCE,
        ages_days=precompute.DAYS_PASSED,
    ),
}

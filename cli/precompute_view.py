"""A plan and its evaluation as tables and as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import msgspec
from rich.box import SIMPLE
from rich.console import Group
from rich.table import Table
from rich.text import Text

from slipstream.caching.precompute.backtest import Tried, median_parts, parts
from slipstream.caching.precompute.plan import Budget, Period, Plan
from slipstream.caching.precompute.questions import Questions


def plan_json(made: Plan, questions: Questions, model_id: str) -> dict[str, Any]:
    """What ``--json`` prints of a plan."""
    tried = made.backtest.tried
    return {
        "period": made.period,
        "language": questions.language,
        "model": model_id,
        "answers": len(made.chosen.choices),
        "cost_usd": made.chosen.cost_usd,
        "value_usd": sum(choice.value_usd for choice in made.chosen.choices),
        "expected_hits": sum(choice.expected_hits for choice in made.chosen.choices),
        "dropped": msgspec.structs.asdict(made.chosen.dropped),
        "backtest": _shares(tried) | {"cost_usd": made.backtest.chosen.cost_usd},
        "questions": [msgspec.structs.asdict(choice) for choice in made.chosen.choices],
    }


def evaluation_json(
    periods: Sequence[Period], questions: Questions, budget: Budget, added: Sequence[float] | None
) -> dict[str, Any]:
    """What ``eval precompute --json`` prints: shares of impressions, 0 to 1; parts are of the oracle's share."""
    rows = [_shares(one.tried) | {"cost_usd": one.chosen.cost_usd} for one in periods]
    for row, share in zip(rows, added or (), strict=False):
        row["meaning_added_share"] = share
    return {
        "log": questions.log.name,
        "language": questions.language,
        "budget": budget.answers,
        "median_part_of_oracle": median_parts([one.tried for one in periods]),
        "periods": rows,
    }


def plan_table(made: Plan, questions: Questions, model_id: str, show: int) -> Group:
    """The first ``show`` questions, sums, and what the rule would have served."""
    choices, tried, dropped = made.chosen.choices, made.backtest.tried, made.chosen.dropped
    title = f"{questions.log.name}: {len(choices)} answers for {made.period}, by {model_id}"
    shown = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    shown.add_column("question", overflow="fold")
    for name in ("expected hits", "costs $", "worth $"):
        shown.add_column(name, justify="right", no_wrap=True)
    for choice in choices[:show]:
        shown.add_row(Text(choice.question), *_money(choice.expected_hits, choice.cost_usd, choice.value_usd))
    shown.add_section()
    rest = f"all {len(choices)}" if len(choices) > show else "all"
    hits, value = sum(one.expected_hits for one in choices), sum(one.value_usd for one in choices)
    shown.add_row(rest, *_money(hits, made.chosen.cost_usd, value))
    notes = [
        f"{tried.period}, with the periods before it alone: {tried.answers} answers for "
        f"${made.backtest.chosen.cost_usd:.2f} would have served {100 * tried.shares.served:.1f} % of "
        f"{tried.impressions:,} impressions; the best that {tried.period} allowed, {100 * tried.shares.oracle:.1f} %.",
        f"Left out: {dropped.few_users:,} questions that too few asked, {dropped.long_number:,} with a long number, "
        f"{dropped.mail:,} with a mail address.",
    ]
    if not choices:
        notes.append("Nothing saves what its answer costs. --fill plans it all the same.")
    return Group(shown, *map(Text, notes))


def evaluation_table(
    periods: Sequence[Period], questions: Questions, budget: Budget, added: Sequence[float] | None
) -> Table:
    """Every period in hundredths, and the medians."""
    title = f"{questions.log.name}: {budget.answers} answers from the periods before (stems: {questions.language})"
    shown = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    names = ("served", "unfiltered", "last_period", "weighted", "hindsight")
    for name in ("period", "asked", "served %", "oracle %", *("part" if name == "served" else name for name in names)):
        shown.add_column(name.replace("_", " "), justify="left" if name == "period" else "right")
    if added:
        shown.add_column("meaning adds %", justify="right")
    for number, one in enumerate(periods):
        more = [f"{100 * added[number]:.1f}"] if added else []
        tried, part = one.tried, parts(one.tried.shares)
        shares = (f"{100 * share:.1f}" for share in (tried.shares.served, tried.shares.oracle))
        shown.add_row(tried.period, f"{tried.impressions:,}", *shares, *(f"{part[name]:.2f}" for name in names), *more)
    shown.add_section()
    middle = [f"{100 * statistics.median(added):.1f}"] if added else []
    found = median_parts([one.tried for one in periods])
    shown.add_row("median", "", "", "", *(f"{found[name]:.3f}" for name in names), *middle)
    return shown


def _shares(tried: Tried) -> dict[str, Any]:
    shares = {f"{name}_share": share for name, share in msgspec.structs.asdict(tried.shares).items()}
    return {"period": tried.period, "impressions": tried.impressions, "answers": tried.answers, **shares}


def _money(hits: float, cost: float, value: float) -> tuple[str, str, str]:
    return f"{hits:.1f}", f"{cost:.4f}", f"{value:.4f}"

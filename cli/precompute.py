"""``slipstream precompute``: questions that are answered before they come."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from cli.precompute_options import plan_options
from cli.precompute_runs import run, status


@click.group("precompute")
def precompute() -> None:
    """Answer what will be asked again before it is asked: plan from a file, run on a gateway, status of its runs."""


precompute.add_command(run)
precompute.add_command(status)


@precompute.command("plan")
@click.option("--log", type=click.Path(path_type=Path), required=True, help="TSV: month, query, impressions, visits.")
@plan_options
@click.option("--show", type=click.IntRange(0), default=20, show_default=True, help="Rows of the table.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else there.")
def plan(
    log: Path, budget: int, budget_usd: float | None, fill: bool, min_users: int, language: str | None, show: int,
    as_json: bool, **costs: float | str,
) -> None:  # fmt: skip
    """Show which questions to answer beforehand, what that costs, and what it would have served.

    A question is taken where its expected hits save more than its answer costs, the most valuable first, as far as the
    budget goes. Nothing is answered yet.
    """
    from rich.console import Console

    from cli.precompute_options import valuation_from
    from cli.precompute_view import plan_json, plan_table
    from cli.progress import bars
    from slipstream.caching.precompute import plan as planning
    from slipstream.caching.precompute.query_log import read_log
    from slipstream.caching.precompute.questions import questions_of
    from slipstream.errors import SlipstreamError

    try:
        allowance = planning.Budget(budget, budget_usd, not fill, min_users)
        valuation = valuation_from(costs)
        with bars() as progress:
            questions = questions_of(read_log(log, progress), language, progress)
            made = planning.plan(questions, allowance, valuation, progress)
    except SlipstreamError as error:
        raise click.ClickException(error.message) from error
    if as_json:
        json.dump(plan_json(made, questions, valuation.model_id), sys.stdout, ensure_ascii=False)
        return
    Console().print(plan_table(made, questions, valuation.model_id, show))

"""``slipstream precompute run`` and ``status``: answer beforehand now, and see what became of the last runs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import click

from cli.gateway_client import call
from cli.refusals import told
from cli.target import Target, at_a_gateway

ROOT = "/v1/precompute"
LOOK_S = 1.0
"""Between two looks at a run that is waited for."""
OUTCOMES = ("answered", "held", "refused", "failed")
MEANS = {
    "few_users": "fewer users than precompute_min_users asked; who names no 'user' is one user, its tenant",
    "families_without_price": "kinds of request whose model has no price (SLIPSTREAM_PRICES)",
    "refused_before": "refused since the plan was made",
    "unsupported": "no passage of the index supports the answer",
    "search_incomplete": "a leg of the search was missing",
    "not_for_the_cache": "the cache's policy does not cover it",
    "budget_spent": "the run's dollars were spent (precompute_budget_usd)",
    "template_gone": "the log forgot this kind of request meanwhile",
}
"""Reasons, in words."""


@click.command("run")
@click.option("--now", is_flag=True, default=True, help="At once, besides what the schedule starts (the default).")
@click.option("--refill", is_flag=True, help="The last plan again: only what has ended since is answered.")
@click.option("--wait", is_flag=True, help="Until the run is over; ends with 1 where it failed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@at_a_gateway
@told
def run(*, target: Callable[[], Target], now: bool, refill: bool, wait: bool, as_json: bool) -> None:
    """Mine the log of questions and answer the most valuable ones, within the deployment's budget.

    Needs a key with the scope admin.
    """
    del now
    gateway = target()
    found = call(gateway, "POST", ROOT, {"refill": refill})
    if wait:
        found = _waited(gateway, found["id"])
    if as_json:
        json.dump(found, sys.stdout)
    elif wait:
        click.echo(line_of(found))
    else:
        click.echo(f"run {found['id']} has begun: `slipstream precompute status {found['id']}` tells how far it is")
    if found["state"] == "failed":
        raise click.exceptions.Exit(1)


@click.command("status")
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@at_a_gateway
@told
def status(*, target: Callable[[], Target], run_id: str | None, as_json: bool) -> None:
    """Show the last runs, or one of them. Needs a key with the scope admin."""
    found = call(target(), "GET", ROOT if run_id is None else f"{ROOT}/{quote(run_id, safe='')}")
    if as_json:
        json.dump(found, sys.stdout)
    elif run_id is not None:
        click.echo("\n".join([line_of(found), *reasons_of(found)]))
    else:
        _show(found)


def line_of(run: dict[str, Any]) -> str:
    """A run in one sentence; of one that found nothing to do, the main reason why."""
    name = f"{run['id']} {'(refill) ' if run['refill'] else ''}{run['state']}"
    if run["items"] == 0:
        why = max(run["left_out"].items(), key=lambda one: one[1], default=None)
        return f"{name}: nothing to answer" + (f": {why[1]} {why[0]}" if why else "")
    counts = ", ".join(f"{run[outcome]} {outcome}" for outcome in OUTCOMES if run[outcome])
    of = "no plan yet" if run["items"] is None else f"{run['items']} questions"
    spent = f"${run['spent_usd']:.4f} of ${run['planned_usd']:.4f} planned"
    return f"{name}: {of}; {counts or 'none done'}; {spent}"


def reasons_of(run: dict[str, Any]) -> list[str]:
    """Why answers were not kept or not made, and what was never tried."""
    told = [("not kept", run["reasons"]), ("left out", run["left_out"])]
    return [
        f"  {count} {what}: {why}" + (f" ({MEANS[why]})" if why in MEANS else "")
        for what, reasons in told
        for why, count in reasons.items()
    ]


def _waited(target: Target, run_id: str) -> dict[str, Any]:
    from cli.progress import bars

    with bars() as progress:
        while True:
            found: dict[str, Any] = call(target, "GET", f"{ROOT}/{quote(run_id, safe='')}")
            if found["items"]:
                progress("questions answered beforehand", sum(found[name] for name in OUTCOMES), found["items"])
            if found["state"] in ("done", "failed"):
                return found
            time.sleep(LOOK_S)


def _show(found: dict[str, Any]) -> None:
    from datetime import UTC, datetime

    for one in found["data"]:
        began = datetime.fromtimestamp(one["started_at"], UTC).strftime("%m-%d %H:%M UTC")
        click.echo(f"{began}  {line_of(one)}")
    if not found["data"]:
        click.echo(
            "No run has made its plan yet; one that has just been started is listed once it has.\n"
            "`slipstream precompute run` starts one, and the deployment's schedule does nightly."
        )
    log = found["query_log"]
    if log is None:
        click.echo("The log of questions is off (deploy setting query_log_share): there is nothing to plan from.")
    else:
        click.echo(f"{100 * log['share']:g} % of the requests are logged, and kept for {log['days']} days.")

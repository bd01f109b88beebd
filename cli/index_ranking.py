"""``slipstream index ranking``: the weights that an index is ranked by; others in their place, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from cli.gateway_client import call
from cli.ranking_file import read_parameters
from cli.refusals import told
from cli.target import Target


@click.command("ranking")
@click.argument("name")
@click.option(
    "--file", "path", type=click.Path(path_type=Path, dir_okay=False), help="Use these, as index fit writes them."
)
@click.option("--shipped", is_flag=True, help="Go back to the weights that ship.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
@told
def ranking(target: Callable[[], Target], name: str, *, path: Path | None, shipped: bool, as_json: bool) -> None:
    """Show or change what the index NAME is ranked by. Searches follow within 30 seconds."""
    if path is not None and shipped:
        raise click.UsageError("--file takes the place of the weights that ship, --shipped goes back to them: give one")
    if path is not None:
        found = put(target(), name, read_parameters(path)[1])
    else:
        found = call(target(), "DELETE" if shipped else "GET", route(name))
    click.echo(json.dumps(found) if as_json else told_of(found))


def route(name: str) -> str:
    """Where an index's weights are."""
    return f"/v1/indexes/{quote(name, safe='')}/ranking"


def put(target: Target, name: str, parameters: bytes) -> dict[str, Any]:
    """Rank by these parameters from now on. Raises CallFailed."""
    return dict(call(target, "PUT", route(name), json.loads(parameters)))


def told_of(found: dict[str, Any]) -> str:
    """Where the weights come from, in a line for people."""
    if not found["fitted"]:
        return f"{found['index']} is ranked by the weights that ship"
    source = found["parameters"].get("provenance", {})
    judged = (
        f"{source.get('judged_queries', 0):,} judged queries of {', '.join(source.get('fitted_on', ())) or 'unknown'}"
    )
    return f"{found['index']} is ranked by weights fitted to {judged} on {source.get('date', '') or 'an unknown day'}"

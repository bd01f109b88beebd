"""``slipstream index synonyms``: an owner's own synonyms, and the acronyms that an index has learnt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from cli.gateway_client import call
from cli.refusals import told
from cli.target import Target

MOST_BYTES = 256_000


@click.command("synonyms")
@click.argument("name")
@click.option(
    "--file", "path", type=click.Path(path_type=Path, dir_okay=False),
    help="Rules to use from now on, in place of the former ones: 'delete, remove' or 'k8s => Kubernetes', one a line.",
)  # fmt: skip
@click.option("--remove", is_flag=True, help="Take the owner's synonyms out; what was learnt stays.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
@told
def synonyms(target: Callable[[], Target], name: str, *, path: Path | None, remove: bool, as_json: bool) -> None:
    """Show or set what else the index NAME is searched for: the rules as a file has them, then, as comments, the
    acronyms that its documents explain. Searches follow within 30 seconds.
    """
    if path is not None and remove:
        raise click.UsageError("--file puts rules in place of the former ones, --remove takes them out: give one")
    asked, route = target(), f"/v1/indexes/{quote(name, safe='')}/synonyms"
    if path is not None:
        found = call(asked, "PUT", route, {"rules": read_rules(path)})
    else:
        found = call(asked, "DELETE" if remove else "GET", route)
    click.echo(json.dumps(found) if as_json else _as_file(found))


def read_rules(path: Path) -> list[str]:
    """The file's lines. Raises click.ClickException for a file that is no text."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise click.ClickException(f"{path} has more than {MOST_BYTES:,} bytes: it should be lines of synonyms")
        return path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise click.ClickException(f"{path} is not a text in UTF-8") from None


def _as_file(found: dict[str, Any]) -> str:
    learnt = [f"# {short} = {long}" for short, long in found["acronyms"].items()]
    return "\n".join([*found["rules"], f"# {len(learnt):,} acronyms learnt from the documents", *learnt])

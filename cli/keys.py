"""``slipstream keys``: make, list and revoke the keys that callers use."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import click

from cli.gateway_client import CallFailed, call
from cli.refusals import told
from cli.target import Target, find

WIDE = 100
"""Columns of a terminal from which all of a key fits into a line."""
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Lifetime(click.ParamType[int]):
    """``90d``, ``12h``: seconds as an int."""

    name = "lifetime"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Number and unit to seconds."""
        match = re.fullmatch(r"(\d{1,6})([smhdw])", str(value))
        if not match or int(match[1]) == 0:
            self.fail(f"{value!r} is no lifetime: 90d, 12h, 30m", param, ctx)
        return int(match[1]) * UNITS_S[match[2]]


@click.group()
@click.option("--base-url", help="The gateway; else SLIPSTREAM_BASE_URL, else the local stack.")
@click.option("--api-key", help="A key with the scope admin; else SLIPSTREAM_API_KEY, else the local stack's.")
@click.pass_context
def keys(context: click.Context, base_url: str | None, api_key: str | None) -> None:
    """Create, list and revoke API keys. Needs a key with the scope admin."""
    context.obj = lambda: find(base_url, api_key)


@keys.command()
@click.option("--name", default="", help="Whose it is or what for.")
@click.option("--tenant", default="default", show_default=True, help="Whom its use counts for.")
@click.option("--scope", "scopes", multiple=True, help="invoke, ingest or admin; may be repeated. Default: invoke.")
@click.option("--model", "models", multiple=True, help="Allowed id, alias or glob; may be repeated. Default: all.")
@click.option("--expires-in", type=Lifetime(), help="90d, 12h, 30m; never by default.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
@told
def create(
    target: Callable[[], Target],
    *,
    name: str,
    tenant: str,
    scopes: tuple[str, ...],
    models: tuple[str, ...],
    expires_in: int | None,
    as_json: bool,
) -> None:
    """Make a key. It is shown this once and kept nowhere."""
    where = target()
    for model in models:
        require_known(where, model)
    body: dict[str, Any] = {"name": name, "tenant": tenant, "scopes": list(scopes) or ["invoke"]}
    body |= {"models": list(models)} if models else {}
    body |= {"expires_in_s": expires_in} if expires_in else {}
    made = call(where, "POST", "/v1/keys", body)
    if as_json:
        click.echo(json.dumps(made))
    else:
        click.echo(made["key"])
        click.echo("Keep it now: it is not shown again.", err=True)


def require_known(target: Target, model: str) -> None:
    """Raise UsageError, with the nearest names, for what the gateway knows neither as a model nor as an alias.

    Globs, ARNs and ``rag:INDEX`` are taken as they are. A key that may not look models up is not held up by that.
    """
    from slipstream.models.aliases import DEFAULT_ALIASES
    from slipstream.models.catalogue import load

    if model.startswith(("arn:", "rag:")) or "*" in model or "?" in model:
        return
    if model in DEFAULT_ALIASES or load().find(model) is not None:
        return
    try:
        call(target, "GET", f"/v1/models/{quote(model, safe='')}")
    except CallFailed as error:
        if error.code == "model_not_found":
            raise click.UsageError(f"--model {model}: {error}") from error


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
@told
def list_keys(target: Callable[[], Target], *, as_json: bool) -> None:
    """List the keys, without their secrets."""
    found = call(target(), "GET", "/v1/keys")
    if as_json:
        click.echo(json.dumps(found))
        return
    show(found["data"], time.time())


def show(records: list[dict[str, Any]], now_s: float) -> None:
    """A table of the keys; on a narrow terminal without what is the same for most."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Column, Table

    console = Console()
    wide = console.width >= WIDE
    columns = ["name", "tenant", "scopes", "models", "created", "state"] if wide else ["name", "models", "state"]
    table = Table(Column("id", no_wrap=True, min_width=26), *columns, box=SIMPLE)
    for record in records:
        cells = {
            "name": record.get("name", ""),
            "tenant": record["tenant"],
            "scopes": "\n".join(record["scopes"]),
            "models": "\n".join(record.get("models") or ()) or "all",
            "created": time.strftime("%Y-%m-%d", time.gmtime(record["created_at"])),
            "state": state(record, now_s),
        }
        table.add_row(record["id"], *(cells[name] for name in columns))
    console.print(table)
    if not wide:
        console.print(f"tenant, scopes and date: on {WIDE} columns, or with --json", style="dim")


def state(record: dict[str, Any], now_s: float) -> str:
    """What a key is worth now."""
    if record["revoked_at"] is not None:
        return "revoked"
    expires = record["expires_at"]
    if expires is None:
        return "active"
    return "expired" if expires <= now_s else f"until {time.strftime('%Y-%m-%d', time.gmtime(expires))}"


@keys.command()
@click.argument("key_id")
@click.pass_obj
@told
def revoke(target: Callable[[], Target], key_id: str) -> None:
    """Revoke the key KEY_ID (the id, as `keys list` shows it, not the key)."""
    if key_id.startswith("sk-slip-"):
        raise click.UsageError("that is a key; give its id: the part between sk-slip- and the next dash")
    told = call(target(), "DELETE", f"/v1/keys/{quote(key_id, safe='')}")
    click.echo(f"revoked {key_id}" + (f"; {told['note']}" if "note" in told else ""))

"""``slipstream keys``: make, list and revoke the keys that callers use."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import click

from cli.gateway_client import call
from cli.refusals import told
from cli.target import Target, find

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
    body: dict[str, Any] = {"name": name, "tenant": tenant, "scopes": list(scopes) or ["invoke"]}
    body |= {"models": list(models)} if models else {}
    body |= {"expires_in_s": expires_in} if expires_in else {}
    made = call(target(), "POST", "/v1/keys", body)
    if as_json:
        click.echo(json.dumps(made))
    else:
        click.echo(made["key"])
        click.echo("Keep it now: it is not shown again.", err=True)


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
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Column, Table

    table = Table(
        Column("id", no_wrap=True, min_width=26), "name", "tenant", "scopes", "models", "created", "state", box=SIMPLE
    )
    for record in found["data"]:
        models = "\n".join(record.get("models") or ()) or "all"
        created = time.strftime("%Y-%m-%d", time.gmtime(record["created_at"]))
        table.add_row(
            record["id"], record.get("name", ""), record["tenant"], "\n".join(record["scopes"]), models, created,
            state(record, time.time()),
        )  # fmt: skip
    Console().print(table)


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

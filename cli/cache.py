"""``slipstream cache``: what an operator does with kept answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from cli.gateway_client import call
from cli.refusals import told
from cli.target import Target, find


@click.group()
@click.option("--base-url", help="The gateway; else SLIPSTREAM_BASE_URL, else the local stack.")
@click.option("--api-key", help="A key with the scope admin; else SLIPSTREAM_API_KEY, else the local stack's.")
@click.pass_context
def cache(context: click.Context, base_url: str | None, api_key: str | None) -> None:
    """End kept answers. Needs a key with the scope admin."""
    context.obj = lambda: find(base_url, api_key)


@cache.command()
@click.option("--tenant", help="All answers of a tenant.")
@click.option("--namespace", help="All answers of a namespace that tenants share.")
@click.option("--prefix", default="", help="With one of those: only answers whose key begins so.")
@click.option("--document", metavar="INDEX/ID", help="Answers that rest on a document; INDEX/: on any of an index.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
@told
def purge(
    target: Callable[[], Target],
    *,
    tenant: str | None,
    namespace: str | None,
    prefix: str,
    document: str | None,
    as_json: bool,
) -> None:
    """End answers at once: what is asked from now on is answered anew."""
    given = {"tenant": tenant, "namespace": namespace, "document": document}
    body: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if len(body) != 1:
        raise click.UsageError("give one of --tenant, --namespace and --document")
    ended = call(target(), "POST", "/v1/cache/purge", body | ({"prefix": prefix} if prefix else {}))
    if as_json:
        click.echo(json.dumps(ended))
    elif document is None:
        logged = ended.get("logged_questions")
        log = f", {logged} counts of its questions forgotten" if logged else ""
        click.echo(f"{ended['answers']} answers of {ended['namespace']} ended{log}")
    else:
        click.echo(f"answers that rest on {document} and were asked for until now are served no more")

"""``slipstream cache``: what an operator does with kept answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import click

from cli.cache_view import shown
from cli.gateway_client import call
from cli.refusals import told
from cli.target import Target, at_a_gateway, gateway_options


@click.group()
@gateway_options
@click.pass_context
def cache(context: click.Context, base_url: str | None, api_key: str | None) -> None:
    """Kept answers: see what they are worth (report), say what one was worth (feedback), end them (purge).

    All but feedback need a key with the scope admin.
    """
    context.obj = base_url, api_key


@cache.command()
@click.option("--tenant", help="All answers of a tenant.")
@click.option("--namespace", help="All answers of a namespace that tenants share.")
@click.option("--prefix", default="", help="With one of those: only answers whose key begins so.")
@click.option("--learnt", is_flag=True, help="With one of those: also what was learnt of its questions.")
@click.option("--document", metavar="INDEX/ID", help="Answers that rest on a document; INDEX/: on any of an index.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@at_a_gateway
@told
def purge(
    *,
    target: Callable[[], Target],
    tenant: str | None,
    namespace: str | None,
    prefix: str,
    document: str | None,
    learnt: bool,
    as_json: bool,
) -> None:
    """End answers at once: what is asked from now on is answered anew."""
    given = {"tenant": tenant, "namespace": namespace, "document": document}
    body: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if len(body) != 1:
        raise click.UsageError("give one of --tenant, --namespace and --document")
    body |= ({"prefix": prefix} if prefix else {}) | ({"learnt": True} if learnt else {})
    ended = call(target(), "POST", "/v1/cache/purge", body)
    if as_json:
        click.echo(json.dumps(ended))
    elif document is None:
        labels = f", and {ended['labels']} labels forgotten" if learnt else ""
        logged = ended.get("logged_questions")
        log = f", {logged} counts of its questions forgotten" if logged else ""
        click.echo(f"{ended['answers']} answers of {ended['namespace']} ended{labels}{log}")
    else:
        click.echo(f"answers that rest on {document} and were asked for until now are served no more")


@cache.command()
@click.option("--tenant", help="Whose answers; the key's own tenant where nothing is given.")
@click.option("--namespace", help="Or of a namespace that tenants share.")
@click.option("--days", type=click.IntRange(1, 30), default=7, show_default=True, help="How far back, in UTC days.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@at_a_gateway
@told
def report(
    *, target: Callable[[], Target], tenant: str | None, namespace: str | None, days: int, as_json: bool
) -> None:
    """Show hits, savings, the measured rate of wrong semantic hits, and which answers are useful or doubtful."""
    if tenant is not None and namespace is not None:
        raise click.UsageError("give one of --tenant and --namespace")
    given = {"tenant": tenant, "namespace": namespace, "days": days}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    found = call(target(), "GET", f"/v1/cache/report?{query}")
    click.echo(json.dumps(found) if as_json else shown(found))


@cache.command()
@click.argument("feedback_id", metavar="ID")
@click.option("--right/--wrong", "correct", default=None, help="What the answer was.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@at_a_gateway
@told
def feedback(*, target: Callable[[], Target], feedback_id: str, correct: bool | None, as_json: bool) -> None:
    """Say what a kept answer was worth: ID is its reply's slipstream.cache.feedback. A wrong one ends at once."""
    if correct is None:
        raise click.UsageError("give one of --right and --wrong")
    found = call(target(), "POST", "/v1/feedback", {"id": feedback_id, "correct": correct})
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo("the answer is served no more" if found["ended"] else "noted")
    if found["learnt"]:
        click.echo("what it says of both questions is learnt from within minutes")

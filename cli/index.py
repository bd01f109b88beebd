"""``slipstream index``: make, fill, show, re-index and drop search indexes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import quote

import click

from cli.gateway_client import CallFailed, call
from cli.refusals import told
from cli.target import Target, find

ELSEWHERE = {
    "fit": "cli.index_fit:fit",
    "load": "cli.index_load:load",
    "tune": "cli.index_tune:tune",
    "ranking": "cli.index_ranking:ranking",
    "synonyms": "cli.index_synonyms:synonyms",
}
"""Subcommands with a module of their own, imported when they are called."""
MOST_STUCK = 5
"""Steps of a re-index without one more document."""


class IndexGroup(click.Group):
    """Adds the subcommands that live elsewhere."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, sorted."""
        return sorted([*super().list_commands(ctx), *ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command if it is one of those."""
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = ELSEWHERE[cmd_name].partition(":")
        command = getattr(import_module(module), attribute)
        return command if isinstance(command, click.Command) else None


@click.group(cls=IndexGroup)
@click.option("--base-url", help="The gateway; else SLIPSTREAM_BASE_URL, else the local stack.")
@click.option("--api-key", help="A key with the scope admin; else SLIPSTREAM_API_KEY, else the local stack's.")
@click.pass_context
def index(context: click.Context, base_url: str | None, api_key: str | None) -> None:
    """Create, load, re-index and drop search indexes. Needs a key with the scope admin; load and list, ingest."""
    context.obj = lambda: find(base_url, api_key)


def path(name: str, rest: str = "") -> str:
    """The route of an index."""
    return f"/v1/indexes/{quote(name, safe='')}{rest}"


def spec_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say what an index is made of; those not given are left to the gateway."""
    for option in (
        click.option("--ef-search", type=click.IntRange(1), help="Candidates that a search looks at."),
        click.option("--ef-construction", type=click.IntRange(2), help="Candidates while the graph is built."),
        click.option("--m", type=click.IntRange(2), help="Neighbours a node of the vectors' graph has."),
        click.option("--quantization", help="none, fp16, byte, on_disk_4x … on_disk_32x."),
        click.option("--engine", type=click.Choice(["lucene", "faiss"]), help="Of the vectors."),
        click.option("--replicas", type=click.IntRange(0), help="Copies of each shard."),
        click.option("--shards", type=click.IntRange(1), help="Parts that are searched side by side."),
        click.option("--language", help="Analyzer of the text, for example english."),
        click.option("--dimensions", type=click.IntRange(1), help="Size of the vectors."),
        click.option("--model", "embedding_model", help="Embedding model: a Bedrock id."),
    ):
        function = option(function)
    return function


@index.command()
@click.argument("name")
@spec_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
@told
def create(target: Callable[[], Target], /, name: str, *, as_json: bool, **spec: Any) -> None:
    """Make the index NAME."""
    made = call(target(), "PUT", path(name), _given(spec))
    _show(made, as_json)


@index.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
@told
def list_indexes(target: Callable[[], Target], *, as_json: bool) -> None:
    """List the indexes."""
    found = call(target(), "GET", "/v1/indexes")
    if as_json:
        click.echo(json.dumps(found))
        return
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "documents", "model", "dimensions", "generation", box=SIMPLE)
    for row in found["data"]:
        live = ", ".join(g["name"] + ("" if g["live"] else " (being filled)") for g in row["generations"])
        spec = row["spec"]
        table.add_row(row["name"], f"{row['documents']:,}", spec["embedding_model"], str(spec["dimensions"]), live)
    Console().print(table)


@index.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
@told
def show(target: Callable[[], Target], name: str, *, as_json: bool) -> None:
    """Show the index NAME: its spec and its generations."""
    _show(call(target(), "GET", path(name)), as_json)


@index.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
@told
def drop(target: Callable[[], Target], name: str, *, yes: bool) -> None:
    """Remove the index NAME with all its documents."""
    if not yes:
        _confirm(f"Remove '{name}' and all its documents?")
    call(target(), "DELETE", path(name))
    click.echo(f"removed {name}")


@index.command()
@click.argument("name")
@spec_options
@click.option("--resume", is_flag=True, help="Go on with the re-index that is under way, whatever its spec.")
@click.option(
    "--begin-only", is_flag=True, help="Only begin: then load the source again, which fills it, and --resume to swap."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
@told
def reindex(
    target: Callable[[], Target], /, name: str, *, resume: bool, begin_only: bool, as_json: bool, **spec: Any
) -> None:
    """Fill a new generation of the index NAME beside the old one, then swap. Searches and loads go on meanwhile."""
    from rich.console import Console

    given = _given(spec)
    if resume and given:
        raise click.UsageError("--resume goes on with the spec that was given first: leave the others out")
    asked = target()
    query = "?begin_only=1" if begin_only else "?resume=1" if resume else ""
    step, stuck = call(asked, "POST", path(name, f"/reindex{query}"), given), 0
    with Console(stderr=True).status("") as status:
        while not step["finished"] and not begin_only:
            done = step["documents"] - step["left"]
            status.update(f"{step['generation']}: {done:,} of {step['documents']:,} documents")
            before, step = step["left"], call(asked, "POST", path(name, "/reindex?resume=1"), {})
            stuck = stuck + 1 if step["left"] >= before > 0 else 0
            if stuck >= MOST_STUCK:
                raise CallFailed(_stuck(name, step))
    if as_json:
        click.echo(json.dumps(step))
    elif begin_only:
        click.echo(f"{step['generation']} has begun; load the source, then: slipstream index reindex {name} --resume")
    else:
        click.echo(f"{step['generation']} is live with {step['documents']:,} documents")


@index.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
@told
def failures(target: Callable[[], Target], name: str, *, as_json: bool) -> None:
    """Show which objects of the bucket could not be loaded into NAME, and why."""
    found = call(target(), "GET", path(name, "/failures"))
    if as_json:
        click.echo(json.dumps(found))
        return
    for row in found["data"]:
        click.echo(f"{row['origin']}\n  {row['reason']} [{row['code']}]")
    if not found["data"]:
        click.echo("none")


@index.command()
@click.argument("name")
@click.pass_obj
@told
def replay(target: Callable[[], Target], name: str) -> None:
    """Load what had failed once more: after the object, or what kept it from being loaded, was mended."""
    asked, count = target(), 0
    while True:
        done = call(asked, "POST", path(name, "/replay"), {})
        count += done["messages"]
        if done["finished"] or not done["messages"]:
            break
    if not done["finished"]:
        click.echo("there are more failed messages than one call could look at: repeat this in a minute", err=True)
    click.echo(f"{count} message{'s' * (count != 1)} on the way again; `slipstream index failures {name}` tells")


def _confirm(question: str) -> None:
    """Returns where the user says yes. Raises click.Abort; click.ClickException where nobody can be asked."""
    try:
        click.confirm(question, abort=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo(err=True)
        raise click.ClickException("there is no terminal to ask at, and no yes came in: give --yes") from None


def _stuck(name: str, step: dict[str, Any]) -> str:
    from cli.loading import INGESTION_MINUTES

    return (
        f"{MOST_STUCK} calls running have copied nothing, {step['left']:,} of {step['documents']:,} documents are "
        "left: a document takes longer to embed than one call may, or the model is throttled all the time. Raise the "
        "model's quota, or copy what is left over itself in the documents bucket (the ingestion function has "
        f"{INGESTION_MINUTES} minutes, and fills both generations); then `slipstream index reindex {name} --resume`"
    )


def _given(spec: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if value is not None}


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(f"{found['name']}: {found['documents']:,} documents")
    for generation in found["generations"]:
        state = "live" if generation["live"] else "being filled"
        click.echo(f"  {generation['name']} ({state}): {generation['documents']:,} documents")
    for field, value in found["spec"].items():
        click.echo(f"  {field}: {value}")
    click.echo(f"  acronyms learnt: {found['acronyms']:,}; own synonyms: {found['synonyms']:,}")
    click.echo(f"  ranking: {'fitted to this index' if found['fitted'] else 'as shipped'}")

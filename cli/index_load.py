"""``slipstream index load``: a folder, a file or a bucket's objects into an index, with a bar and a report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from cli.gateway_client import CallFailed
from cli.load_view import load_view
from cli.loading import Loading, NothingFound
from cli.target import Target
from slipstream.errors import SlipstreamError
from slipstream.retrieval.folder import Folder
from slipstream.retrieval.parsing.parsed import Columns

SHOWN_FAILURES = 20
AGAIN = "What was loaded stays: run the same command again, and it goes on from there."


@click.command()
@click.argument("name")
@click.argument("source", metavar="DIR_OR_S3_URI")
@click.option("--include", default="*", show_default=True, help="Only files whose path or name fits this glob.")
@click.option("--delete-missing", is_flag=True, help="Remove documents that the folder does not hold from the index.")
@click.option("--id-column", default="", help="Field of a record that is its id. [default: id, _id, uuid, key]")
@click.option("--title-column", default="", help="Field that is its title. [default: title, name, subject, …]")
@click.option("--text-column", "text_columns", multiple=True, help="Field that is its text; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else there.")
@click.pass_obj
def load(
    target: Callable[[], Target],
    name: str,
    source: str,
    *,
    include: str,
    delete_missing: bool,
    id_column: str,
    title_column: str,
    text_columns: tuple[str, ...],
    as_json: bool,
) -> None:
    """Load a folder, a file, or what lies below an s3:// URI into the index NAME.

    What the index holds in the same version is skipped, so a load that was interrupted goes on when it is run again.
    Objects of a bucket are read by the gateway, and only from the deployment's documents bucket.
    """
    asked = target()
    if source.startswith("s3://") and delete_missing:
        raise click.UsageError("--delete-missing is for folders: what leaves the bucket leaves the index by itself")
    columns = Columns(id=id_column, title=title_column, text=text_columns)
    with load_view() as view:
        loading = Loading(asked, name, on_plan=view.plan, on_progress=view.advance, on_wait=view.wait)
        problem = ""
        try:
            if source.startswith("s3://"):
                loading.bucket(source)
            else:
                loading.folder(Folder(Path(source), include=include), columns=columns, delete_missing=delete_missing)
        except NothingFound:
            problem = _nothing(source, include)
        except CallFailed as error:
            problem = f"{error}\n{AGAIN}" if error.retryable else str(error)
        except SlipstreamError as error:
            problem = str(error)
        except KeyboardInterrupt:
            problem = f"interrupted. {AGAIN}"
    _tell(loading, as_json)
    if problem:
        raise click.ClickException(problem)
    if loading.report.failed:
        raise SystemExit(1)


def as_object(loading: Loading) -> dict[str, Any]:
    """What ``--json`` prints."""
    report = loading.report
    return {
        **msgspec.to_builtins(report), "passages_per_s": round(report.passages_per_s, 2), "unheard": loading.unheard
    }  # fmt: skip


def _nothing(source: str, include: str) -> str:
    if source.startswith("s3://"):
        return f"nothing lies below {source}: see that the prefix is right (`aws s3 ls {source}`)"
    if include != "*":
        return (
            f"no file below {source} fits --include '{include}': it is held against names, and paths below the folder"
        )
    return f"there is no file below {source} (hidden ones do not count): nothing was loaded"


def _tell(loading: Loading, as_json: bool) -> None:
    report = loading.report
    if as_json:
        click.echo(json.dumps(as_object(loading)))
        return
    click.echo(
        f"{report.added:,} added, {report.changed:,} changed, {report.unchanged:,} unchanged, {report.deleted:,} "
        f"deleted, {len(report.failed):,} failed; {report.passages:,} passages in {report.seconds:,.1f} s "
        f"({report.passages_per_s:,.1f}/s)"
    )
    if loading.unheard:
        click.echo(
            f"  {loading.unheard:,} were written by calls whose answers were lost: their passages are not counted"
        )
    for failure in report.failed[:SHOWN_FAILURES]:
        click.echo(f"  {failure.id}: {failure.reason} [{failure.code}]", err=True)
    if len(report.failed) > SHOWN_FAILURES:
        click.echo(f"  … and {len(report.failed) - SHOWN_FAILURES:,} more: --json has all of them", err=True)

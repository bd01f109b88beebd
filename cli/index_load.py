"""``slipstream index load``: a folder, a file or a bucket's objects into an index, with a bar and a report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from cli.gateway_client import CallFailed
from cli.loading import Loading
from cli.sending import Plan
from cli.target import Target
from slipstream.errors import SlipstreamError
from slipstream.retrieval.folder import Folder
from slipstream.retrieval.ingest_report import Report
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
    with _Bar() as bar:
        loading = Loading(asked, name, on_plan=bar.plan, on_progress=bar.advance, on_wait=bar.wait)
        problem = ""
        try:
            if source.startswith("s3://"):
                loading.bucket(source)
            else:
                loading.folder(Folder(Path(source), include=include), columns=columns, delete_missing=delete_missing)
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


class _Bar:
    """A progress bar on standard error: documents, passages a second, time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(), console=Console(stderr=True),
        )  # fmt: skip
        self._task = self._progress.add_task("looking", total=None, rate="")
        self._said = ""

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def plan(self, made: Plan) -> None:
        """How much there is to do."""
        self._progress.update(self._task, description="loading", total=made.documents)

    def advance(self, report: Report) -> None:
        """How much is done."""
        elapsed_s = self._progress.tasks[0].elapsed or 0.0
        rate = f"{report.passages / elapsed_s:,.0f} passages/s" if elapsed_s else ""
        done = report.added + report.changed + len(report.failed)
        self._said = ""
        self._progress.update(self._task, description="loading", completed=done, rate=rate)

    def wait(self, why: str, seconds: float) -> None:
        """Nothing is sent for a while: a line above the bar says why, once for all requests that it hits."""
        self._progress.update(self._task, description="waiting")
        if why != self._said:
            self._said = why
            told = f"{why} Trying again in {seconds:.0f} s."
            self._progress.console.print(told, style="yellow", markup=False, soft_wrap=True)


def as_object(loading: Loading) -> dict[str, Any]:
    """What ``--json`` prints."""
    report = loading.report
    return {
        **msgspec.to_builtins(report), "passages_per_s": round(report.passages_per_s, 2), "unheard": loading.unheard
    }  # fmt: skip


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

"""How far a load is, on standard error: a bar on a terminal, elsewhere a line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click

from cli.progress import Lines
from cli.sending import Plan
from slipstream.retrieval.ingest_report import Report


def load_view() -> LoadBar | LoadLines:
    """What fits standard error."""
    return LoadBar() if sys.stderr.isatty() else LoadLines()


class LoadLines:
    """For a file or a pipe. Times are of ``clock``, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines = Lines(clock)
        self._of = ""
        self._said = ""

    def __enter__(self) -> LoadLines:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left open."""

    def plan(self, made: Plan) -> None:
        """How much there is to do."""
        self._of = f" of {made.documents:,}"
        self._lines.if_due(f"{made.documents:,} documents to load, {made.unchanged:,} unchanged")

    def advance(self, report: Report) -> None:
        """How much is done."""
        self._said = ""
        self._lines.if_due(f"{_done(report):,}{self._of} documents, {report.passages:,} passages")

    def wait(self, why: str, seconds: float) -> None:
        """Nothing is sent for a while: a line says why, once for all requests that it hits."""
        if why != self._said:
            self._said = why
            click.echo(_waiting(why, seconds), err=True)


class LoadBar:
    """For a terminal: documents, passages a second, time gone and time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=Console(stderr=True),
        )  # fmt: skip
        self._task = self._progress.add_task("looking", total=None, rate="")
        self._said = ""

    def __enter__(self) -> LoadBar:
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
        self._said = ""
        self._progress.update(self._task, description="loading", completed=_done(report), rate=rate)

    def wait(self, why: str, seconds: float) -> None:
        """Nothing is sent for a while: a line above the bar says why, once for all requests that it hits."""
        self._progress.update(self._task, description="waiting")
        if why != self._said:
            self._said = why
            self._progress.console.print(_waiting(why, seconds), style="yellow", markup=False, soft_wrap=True)


def _done(report: Report) -> int:
    return report.added + report.changed + len(report.failed)


def _waiting(why: str, seconds: float) -> str:
    return f"{why} Trying again in {seconds:.0f} s."

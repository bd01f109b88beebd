"""How far something is, on standard error: bars on a terminal, elsewhere a line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

EVERY_S = 10.0
"""Between two lines where there is no terminal."""
Tell = Callable[[str, int, int], None]


class Lines:
    """Lines for a file or a pipe: the first after ``EVERY_S``, no two closer together. Times are of ``clock``, in s."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began_s = self._last_s = clock()

    def now(self, text: str) -> None:
        """Write ``text``, with the time since the beginning."""
        self._last_s = self._clock()
        click.echo(f"{text}, {self._last_s - self._began_s:,.0f} s", err=True)

    def if_due(self, text: str) -> None:
        """The same, unless a line was written a moment ago."""
        if self._clock() - self._last_s >= EVERY_S:
            self.now(text)


@contextmanager
def bars() -> Iterator[Tell]:
    """A function to be told what is under way, how much of it is done, and of how much."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def progress(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=of)
            bar.update(tasks[what], completed=done, total=of)

        yield progress


def _lines() -> Tell:
    lines, finished = Lines(), set[str]()

    def progress(what: str, done: int, of: int) -> None:
        text = f"{what}: {done:,} of {of:,}"
        if done < of:
            finished.discard(what)
            lines.if_due(text)
        elif what not in finished:
            finished.add(what)
            lines.now(text)

    return progress

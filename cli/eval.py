"""``slipstream eval``: how good a capability is, on any folder or file of the data format."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click


@click.group("eval")
def evaluate() -> None:
    """Measure quality on your own data: retrieval, and the semantic cache."""


@evaluate.command("retrieval")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder: corpus, queries, qrels.")
@click.option("--engine", default="auto", show_default=True, help="auto, memory, or the URL of an OpenSearch.")
@click.option("--ablation", is_flag=True, help="Also leave out each step in turn, and rank as the engine would.")
@click.option("--parameters", type=click.Path(path_type=Path), help="Ranking weights, as index fit writes them.")
@click.option("--figure", type=click.Path(path_type=Path), help="Where to draw the table, as SVG.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else there.")
def retrieval(
    data: Path, engine: str, ablation: bool, parameters: Path | None, figure: Path | None, as_json: bool
) -> None:
    """Judge both legs, their fusion, the re-ranker as it ships, and the re-ranker refitted to this set.

    Vectors are of the local model (all-MiniLM-L6-v2) and kept, so that a second run embeds nothing.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from cli.eval_retrieval import measure, table
    from slipstream.errors import SlipstreamError

    notes = Console(stderr=True)
    columns = (TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tasks: dict[str, Any] = {}
    try:
        with Progress(*columns, console=notes) as bar:

            def progress(what: str, done: int, of: int) -> None:
                task = tasks.setdefault(what, bar.add_task(what, total=of)) if what not in tasks else tasks[what]
                bar.update(task, completed=done, total=of)

            result = measure(data, engine=engine, ablation=ablation, weights=parameters, progress=progress)
    except SlipstreamError as error:
        raise click.ClickException(error.message) from error
    for note in result.notes:
        notes.print(note)
    if figure is not None:
        from bench.figures import retrieval as draw

        draw(result.found, figure)
    if as_json:
        json.dump(result.found, sys.stdout)
        return
    Console().print(table(result.found))


@evaluate.command("cache")
@click.option("--pairs", type=click.Path(path_type=Path), help="File: label, question, question, parted by tabs.")
@click.option("--intents", type=click.Path(path_type=Path), help="File: intent, question, parted by tabs.")
@click.option(
    "--epsilon",
    type=click.FloatRange(0, 0.5, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="Acceptable share of wrong answers among those served.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else there.")
def cache(pairs: Path | None, intents: Path | None, epsilon: float, as_json: bool) -> None:
    """Judge the semantic cache's verifier on questions of which it is known whether one answer fits both.

    As shipped, with no label of the file seen; and online, where it learns from at most a tenth of the pairs, in ten
    seeded orders. Vectors are of the local model (all-MiniLM-L6-v2) and kept, so that a second run embeds nothing.
    """
    from rich.console import Console

    from cli.eval_cache import measure, notes, table
    from cli.progress import bars
    from slipstream.errors import SlipstreamError

    path = pairs or intents
    if path is None or None not in (pairs, intents):
        raise click.UsageError("Give one of --pairs FILE and --intents FILE.")
    try:
        with bars() as progress:
            found = measure(path, "intents" if pairs is None else "pairs", epsilon=epsilon, progress=progress)
    except SlipstreamError as error:
        raise click.ClickException(error.message) from error
    if as_json:
        json.dump(found, sys.stdout)
        return
    Console().print(table(found))
    for note in notes(found):
        Console(stderr=True).print(note)

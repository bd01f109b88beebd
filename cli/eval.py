"""``slipstream eval``: how good a capability is, on any folder or file of the data format."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click


@click.group("eval")
def evaluate() -> None:
    """Measure quality on your own data: retrieval; and fit what it depends on."""


@evaluate.command("retrieval")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder: corpus, queries, qrels.")
@click.option("--engine", default="auto", show_default=True, help="auto, memory, or the URL of an OpenSearch.")
@click.option("--ablation", is_flag=True, help="Also leave out each step in turn, and rank as the engine would.")
@click.option("--parameters", type=click.Path(path_type=Path), help="Ranking weights, as index fit writes them.")
@click.option("--synonyms", type=click.Path(path_type=Path), help="Rules, as index synonyms takes them.")
@click.option("--figure", type=click.Path(path_type=Path), help="Where to draw the table, as SVG.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else there.")
def retrieval(
    *, data: Path, engine: str, ablation: bool, parameters: Path | None, synonyms: Path | None, figure: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Judge both legs, their fusion, the re-ranker as it ships, and the re-ranker refitted to this set.

    Vectors are of the local model (all-MiniLM-L6-v2) and kept, so that a second run embeds nothing.
    """
    from rich.console import Console

    from cli.eval_retrieval import measure, table
    from cli.index_synonyms import read_rules
    from cli.progress import bars
    from slipstream.errors import SlipstreamError

    notes = Console(stderr=True)
    try:
        with bars() as progress:
            result = measure(
                data, engine=engine, ablation=ablation, weights=parameters, progress=progress,
                rules=read_rules(synonyms) if synonyms else (),
            )  # fmt: skip
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


@evaluate.command("fit")
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False), metavar="DIR…")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where to write the weights, as JSON.")
@click.option("--engine", default="auto", show_default=True, help="auto, memory, or the URL of an OpenSearch.")
@click.option("--most", type=click.IntRange(1), default=400, show_default=True, help="Questions of one set.")
@click.option("--start", type=click.Path(path_type=Path), help="Weights to start from; else both legs alike.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else there.")
def fit_sets(*, data: tuple[Path, ...], out: Path, engine: str, most: int, start: Path | None, as_json: bool) -> None:
    """Fit ranking weights on several judged folders at once, as those that ship were: weights that are to travel.

    Says of each set how weights do that were fitted on the others, and writes with the weights which sets they have
    seen, so that another person can check it. `slipstream index fit` fits one index to its own judgements.
    """
    from rich.console import Console

    from cli.fit_sets import fitted
    from slipstream.errors import SlipstreamError

    notes = Console(stderr=True)

    def progress(what: str, done: int, of: int) -> None:
        if done == of:
            notes.print(f"{what}: {of:,}")

    try:
        raw, found = fitted(data, engine=engine, most=most, start=start, progress=progress)
    except SlipstreamError as error:
        raise click.ClickException(error.message) from error
    out.write_bytes(raw)
    if as_json:
        json.dump({**found, "out": str(out)}, sys.stdout)
        return
    for name, values in found["sets"].items():
        shown = ", ".join(f"{way.replace('_', ' ')} {100 * value:.1f}" for way, value in values.items())
        click.echo(f"{name}: nDCG@10 {shown}")
    click.echo(f"wrote {out}")

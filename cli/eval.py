"""``slipstream eval``: how good a capability is, on any folder or file of the data format."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.precompute_options import evaluation_options

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray


def _not_nan(context: click.Context, param: click.Parameter, value: float) -> float:
    """A range lets NaN through, which lies neither below nor above it."""
    del context, param
    if math.isnan(value):
        raise click.BadParameter("nan is no number: give one from 0.001 to 0.5")
    return value


@click.group("eval")
def evaluate() -> None:
    """Measure quality on your own data: retrieval, cache, precompute; and fit what it depends on."""


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


@evaluate.command("arrivals")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder: corpus, queries, qrels.")
@click.option("--engine", default="memory", show_default=True, help="auto, memory, or the URL of an OpenSearch.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else there.")
def arrivals(*, data: Path, engine: str, as_json: bool) -> None:
    """Let each fifth of the documents arrive after the others: which kept answers that ends, and which it had to.

    It had to end those for which a search then finds a new document among the passages.
    """
    from cli.eval_arrivals import measure
    from cli.progress import bars
    from slipstream.errors import SlipstreamError

    try:
        with bars() as progress:
            found = measure(data, engine=engine, progress=progress)
    except SlipstreamError as error:
        raise click.ClickException(error.message) from error
    if as_json:
        json.dump(found, sys.stdout)
        return
    for name, value in found.items():
        click.echo(f"{name.replace('_', ' '):36} {value}")


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


@evaluate.command("precompute")
@click.option("--log", type=click.Path(path_type=Path), required=True, help="TSV: month, query, impressions, visits.")
@evaluation_options
@click.option(
    "--meaning",
    type=float,
    help="Also count, apart, what lies within this cosine of a chosen question (all-MiniLM-L6-v2): 0.9.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else there.")
def precompute(
    log: Path,
    budget: int,
    min_users: int,
    language: str | None,
    meaning: float | None,
    as_json: bool,
    **costs: float | str,
) -> None:
    """Choose a budget of answers from the periods before, period by period, and count what they would have served.

    Beside it the best that the period allowed, and two simple rules: the last period's most asked, and counts that
    weigh 0.6 of the period after them. The whole budget is used, so that all four answer equally many.
    """
    from rich.console import Console

    from cli.precompute_options import valuation_from
    from cli.precompute_view import evaluation_json, evaluation_table
    from cli.progress import bars
    from local.vectors import VectorCache
    from slipstream.caching.precompute import plan as planning
    from slipstream.caching.precompute.meaning import added_by_meaning
    from slipstream.caching.precompute.query_log import read_log
    from slipstream.caching.precompute.questions import questions_of
    from slipstream.errors import SlipstreamError

    try:
        allowance = planning.Budget(budget, only_worthwhile=False, min_users=min_users)
        valuation = valuation_from(costs)
        with bars() as progress:
            questions = questions_of(read_log(log, progress), language, progress)
            periods = planning.evaluate(questions, allowance, valuation, progress)
            added = None
            if meaning is not None:
                vectors = VectorCache()

                def embed(texts: Sequence[str]) -> NDArray[float32]:
                    return vectors.embed(texts, progress=lambda done, of: progress("queries embedded", done, of))

                added = added_by_meaning(questions, periods, embed, meaning)
    except SlipstreamError as error:
        raise click.ClickException(error.message) from error
    if as_json:
        json.dump(evaluation_json(periods, questions, allowance, added), sys.stdout, ensure_ascii=False)
        return
    Console().print(evaluation_table(periods, questions, allowance, added))


@evaluate.command("cache")
@click.option("--pairs", type=click.Path(path_type=Path), help="File: label, question, question, parted by tabs.")
@click.option("--intents", type=click.Path(path_type=Path), help="File: intent, question, parted by tabs.")
@click.option(
    "--epsilon",
    type=click.FloatRange(0.001, 0.5),
    default=0.01,
    show_default=True,
    callback=_not_nan,
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

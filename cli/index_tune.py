"""``slipstream index tune``: which engine, graph and quantisation serve an index best, measured on its own vectors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cli.query_file import read_queries, with_vectors
from cli.target import Target
from cli.tuning_data import Corpus, hold_out
from slipstream.retrieval.ports import QUANTIZATIONS, IndexSpec
from slipstream.retrieval.tuning.candidates import Space
from slipstream.retrieval.tuning.choice import RECALL_TARGET

DEFAULTS = Space()
KNOWN = tuple(dict.fromkeys(name for names in QUANTIZATIONS.values() for name in names))


@click.command()
@click.argument("name")
@click.option(
    "--queries",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Questions, one a line, or JSON lines with text or vector; else passages serve as questions.",
)
@click.option("--questions", type=click.IntRange(10), default=200, show_default=True, help="At most so many.")
@click.option("--passages", type=click.IntRange(100), default=5_000, show_default=True, help="Measure with so many.")
@click.option(
    "--recall", type=click.FloatRange(0, 1), default=RECALL_TARGET, show_default=True, help="Recall@10 to reach."
)
@click.option("--p95-ms", type=click.FloatRange(0), help="p95 to reach, of a search as seen from here.")
@click.option("--engine", "engines", type=click.Choice(list(QUANTIZATIONS)), multiple=True, default=DEFAULTS.engines)
@click.option("--m", "m", type=click.IntRange(2, 100), multiple=True, default=DEFAULTS.m, show_default=True)
@click.option(
    "--ef-construction", type=click.IntRange(2), multiple=True, default=DEFAULTS.ef_construction, show_default=True
)
@click.option("--ef-search", type=click.IntRange(1), multiple=True, default=DEFAULTS.ef_search, show_default=True)
@click.option("--quantization", "quantizations", type=click.Choice(KNOWN), multiple=True, default=KNOWN)
@click.option("--shards", type=click.IntRange(1), multiple=True, default=DEFAULTS.shards, show_default=True)
@click.option("--engine-url", help="The search engine; else SLIPSTREAM_SEARCH_ENDPOINT, else the local stack's.")
@click.option("--apply", is_flag=True, help="Re-index to what is recommended for this engine, while searches go on.")
@click.option("--figure", type=click.Path(path_type=Path), help="Where to draw the trade, as SVG.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else there.")
@click.pass_obj
def tune(
    gateway: Callable[[], Target], /, name: str, *, queries: Path | None, questions: int, passages: int, recall: float,
    p95_ms: float | None, engine_url: str | None, apply: bool, figure: Path | None, as_json: bool, **space: Any,
) -> None:  # fmt: skip
    """Measure recall@10, p95, memory and monthly cost of what the index NAME could be made of, and recommend.

    Candidates are built from the index's own vectors in a scratch index beside it, which is removed. An engine without
    faiss (a local one) has those candidates measured in this process instead, and marked.
    """
    from rich.console import Console

    from cli.engine_access import connect, require_real
    from cli.progress import bars
    from cli.tuning_apply import change
    from cli.tuning_data import read_corpus
    from cli.tuning_run import measure, report
    from cli.tuning_view import table
    from slipstream.errors import SlipstreamError
    from slipstream.retrieval.tuning.candidates import grid
    from slipstream.retrieval.tuning.choice import Targets

    targets = Targets(recall, p95_ms)
    try:
        with connect(engine_url) as engine, bars() as progress:
            require_real(engine)
            current = next(each.spec for each in engine.documents.generations(name) if each.live)
            corpus = read_corpus(engine.documents, name, passages, progress)
            corpus, asked, notes = _questions(corpus, queries, questions, current, gateway)
            tuned = measure(engine, name, grid(current, Space(**space)), corpus, asked, targets, progress)
            applied = change(engine.documents, name, current, tuned.here, progress) if apply else None
    except SlipstreamError as error:
        raise click.ClickException(error.message) from error
    notes += _notes(corpus, current, has_faiss=engine.has_faiss)
    found = report(tuned, name, corpus, len(asked), targets, notes)
    if applied is not None:
        found["applied"] = applied
    if figure is not None:
        from bench.search_figures import tuning as draw

        draw(found, figure)
    if as_json:
        click.echo(json.dumps(found))
        return
    Console().print(table(found))
    click.echo(found["recommendation"]["why"])
    if tuned.here.row.spec != tuned.best.row.spec:
        click.echo(f"On this engine: {found['recommendation_here']['why']}")
    if applied is not None:
        click.echo(applied["did"])
    for note in notes:
        click.echo(f"Note: {note}")


def _questions(
    corpus: Corpus, path: Path | None, most: int, spec: IndexSpec, gateway: Callable[[], Target]
) -> tuple[Corpus, list[tuple[float, ...]], list[str]]:
    """What to measure in, what to ask, and what has to be said about it."""
    if path is None:
        left, vectors = hold_out(corpus, most)
        said = (
            f"{len(vectors)} passages, left out of the corpus, serve as questions: give --queries for your users' own"
        )
        return left, vectors, [said]
    queries = read_queries(path)[:most]
    full = with_vectors(queries, spec, gateway)
    return corpus, [query.vector for query in full], []


def _notes(corpus: Corpus, current: IndexSpec, *, has_faiss: bool) -> list[str]:
    notes = []
    if corpus.passages < corpus.total * 0.8:
        notes.append(
            f"measured with {corpus.passages:,} of {corpus.total:,} passages: with all of them recall is lower and "
            "times are longer (--passages); memory and cost are of all"
        )
    if current.quantization == "byte":
        notes.append("the index keeps bytes, so the vectors measured with are what bytes have left of them")
    if not has_faiss:
        notes.append(
            "this engine has no faiss: those candidates' recall is of faiss in this process, their times are "
            "estimates, and they cannot be applied here"
        )
    notes.append("memory is by OpenSearch's published formula; prices are from a table in the source and unverified")
    return notes

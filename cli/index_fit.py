"""``slipstream index fit``: ranking weights from judgements of your own index."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import click

from cli.target import Target


@click.command("fit")
@click.argument("name")
@click.option("--queries", type=click.Path(path_type=Path), required=True, help="JSON lines: {id, text}.")
@click.option("--qrels", type=click.Path(path_type=Path), required=True, help="Query id, document id, relevance.")
@click.option("--engine", required=True, metavar="URL", help="The OpenSearch that holds the index.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where to write the parameters, as JSON.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else there.")
@click.pass_obj
def fit(
    target: Callable[[], Target], name: str, queries: Path, qrels: Path, engine: str, out: Path, *, as_json: bool
) -> None:
    """Fit the ranking of the index NAME to judged queries, and say what it is worth on queries it has not seen.

    The weights start from the ones that ship and move as far as the judgements carry: some 50 judged queries are a
    beginning. `slipstream eval retrieval --parameters FILE` tries them on a set.
    """
    from rich.console import Console

    from cli.fitting import fitted, gateway_embedder
    from slipstream.errors import SlipstreamError

    notes = Console(stderr=True)
    try:
        told = fitted(
            name, queries, qrels, engine, gateway_embedder(target), lambda done, of: notes.print(
                f"{done} of {of} questions", end="\r"
            ),
        )  # fmt: skip
    except SlipstreamError as error:
        raise click.ClickException(error.message) from error
    out.write_bytes(told.parameters)
    if as_json:
        json.dump({**told.found, "out": str(out)}, sys.stdout)
        return
    shipped, learnt = told.found["shipped"], told.found["cross_validated"]
    Console().print(
        f"nDCG@10 {100 * shipped:.1f} as shipped, {100 * learnt:.1f} fitted (cross-validated). Wrote {out}."
    )

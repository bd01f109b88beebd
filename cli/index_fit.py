"""``slipstream index fit``: ranking weights from judgements of your own index."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import click

from cli.refusals import told
from cli.target import Target


@click.command("fit")
@click.argument("name")
@click.option("--queries", type=click.Path(path_type=Path), required=True, help="JSON lines: {id, text}.")
@click.option("--qrels", type=click.Path(path_type=Path), required=True, help="Query id, document id, relevance.")
@click.option("--engine-url", help="The OpenSearch that holds the index; else SLIPSTREAM_SEARCH_ENDPOINT, else local.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the parameters, as JSON.")
@click.option("--apply", is_flag=True, help="Rank the index by them from now on; `index ranking --shipped` goes back.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else there.")
@click.pass_obj
@told
def fit(
    target: Callable[[], Target], name: str, *, queries: Path, qrels: Path, engine_url: str | None, out: Path | None,
    apply: bool, as_json: bool,
) -> None:  # fmt: skip
    """Fit the ranking of the index NAME to judged queries, and say what it is worth on queries it has not seen.

    The weights start from the ones that ship and move as far as the judgements carry: some 50 judged queries are a
    beginning. `slipstream eval retrieval --parameters FILE` tries them on a set.
    """
    from rich.console import Console

    from cli.engine_access import connect
    from cli.fitting import learnt
    from cli.index_ranking import put
    from cli.progress import bars
    from cli.query_file import embed
    from slipstream.errors import SlipstreamError

    if out is None and not apply:
        raise click.UsageError("--out FILE writes the weights, --apply ranks the index by them: give one, or both")
    try:
        with connect(engine_url) as engine, bars() as progress:
            found = learnt(
                name, engine.passages, queries, qrels, lambda text, spec: embed([text], spec, target())[0], progress
            )
    except SlipstreamError as error:
        raise click.ClickException(error.message) from error
    if out is not None:
        out.write_bytes(found.parameters)
    if apply:
        put(target(), name, found.parameters)
    if as_json:
        json.dump({**found.found, "out": None if out is None else str(out), "applied": apply}, sys.stdout)
        return
    shipped, after = found.found["shipped"], found.found["cross_validated"]
    done = [*([f"Wrote {out}."] if out else []), *([f"'{name}' is ranked by them now."] if apply else [])]
    Console().print(f"nDCG@10 {100 * shipped:.1f} as shipped, {100 * after:.1f} fitted (cross-validated).", *done)

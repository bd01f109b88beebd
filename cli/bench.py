"""``slipstream bench``: measure, write build/bench/NAME.json and a figure, print a table (or JSON)."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

BENCHMARKS = {
    "overhead": "time to first token and CPU that the gateway adds, at 1, 10 and 50 requests at once",
    "streaming": "wait until something to read, streamed against buffered",
    "prompt-cache": "share of a long prefix read from the prompt cache on the second request",
    "cache": "kept answers: hits, misses, 200 equal at once, changing documents; on files, what meaning and plans find",
    "semantic-hits": "answers to another wording: finding one among 10,000 questions, and what looking adds to a miss",
    "cold-start": "process start to first byte on the deployed bundle",
    "soak": "50 streams at once for a minute: errors, lost or doubled chunks",
    "odd-requests": "10,000 odd and bad requests on both wires: faults, tracebacks, refusals that name no field",
    "ingestion": "passages a second of a load against bare embedding, and the second load over unchanged documents",
    "search": "/v1/search against an embedding plus a bare round trip to the engine; CPU a query at 8 at once",
    "reindex": "a re-index through the whole local stack under a constant load of searches: what readers see of it",
    "upstream-cost": "our signer and event-stream parser against botocore's",
}


def measure(name: str, tick: Callable[[], None], options: dict[str, Any]) -> dict[str, Any]:
    """Run one benchmark by name, with its own options, and leave its JSON and figure in build/bench."""
    from bench import figures, results

    module = importlib.import_module(f"bench.{name.replace('-', '_')}")
    result: dict[str, Any] = module.run(tick=tick, **options)
    results.write(name, result)
    if (draw := figures.FIGURES.get(name)) is not None:
        draw(result)
    return result


@click.command("bench")
@click.argument("names", nargs=-1, type=click.Choice(["all", *BENCHMARKS, "report"]), metavar="NAME…")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else there.")
@click.option("--requests", type=click.IntRange(min=1), help="overhead: requests a path and concurrency (200).")
@click.option(
    "--web-adapter",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="cold-start: measure this AWS Lambda Web Adapter binary too, instead of quoting its recorded figures.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="search: a folder with corpus.jsonl, queries.jsonl and qrels.tsv (samples/aws-guides).",
)
@click.option(
    "--pairs",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="cache: judged pairs of questions, as `eval cache` takes them; may be given again.",
)
@click.option(
    "--log",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="cache: a log of what was asked, as `eval precompute` takes it.",
)
def bench(
    names: tuple[str, ...],
    as_json: bool,
    requests: int | None,
    web_adapter: Path | None,
    data: Path | None,
    pairs: tuple[Path, ...],
    log: Path | None,
) -> None:
    """Measure NAME… (default: all), then write build/bench/report.html.

    Names: overhead, streaming, prompt-cache, cache, semantic-hits, cold-start, soak, odd-requests, ingestion, search,
    reindex, upstream-cost; `report` only rebuilds the page.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from bench.report import write_report

    everything = not names or "all" in names
    chosen = list(BENCHMARKS) if everything else [name for name in names if name != "report"]
    options: dict[str, dict[str, Any]] = {
        "overhead": {} if requests is None else {"requests": requests},
        "cold-start": {} if web_adapter is None else {"web_adapter": web_adapter},
        "search": {} if data is None else {"data": data},
        "cache": ({"pairs": pairs} if pairs else {}) | ({} if log is None else {"log": log}),
    }
    for name, given in options.items():
        if given and name not in chosen:
            raise click.UsageError(
                f"--{next(iter(given)).replace('_', '-')} is an option of `bench {name}`; add that name"
            )
    found: dict[str, Any] = {}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed} requests"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for name in chosen:
            task = progress.add_task(name, total=None)
            found[name] = measure(name, lambda task=task: progress.advance(task), options.get(name, {}))  # type: ignore[misc]
            progress.update(task, total=progress.tasks[-1].completed or 1)
    page = write_report()
    if as_json:
        json.dump(found[chosen[0]] if len(chosen) == 1 else found, sys.stdout)
        return
    console = Console()
    for name, result in found.items():
        console.rule(name)
        table = getattr(importlib.import_module(f"bench.{name.replace('-', '_')}"), "table", None)
        if table is None:
            console.print_json(json.dumps(result))
        else:
            console.print(table(result))
    console.print(f"Page with every figure: {page}")

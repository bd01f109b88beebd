"""``slipstream search profile``: where the time of each query goes, and which setting to change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("name")
@click.option(
    "--queries",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    required=True,
    help="Questions, one a line, or JSON lines with text, vector and filters.",
)
@click.option("--most", type=click.IntRange(1), default=200, show_default=True, help="Ask at most so many of them.")
@click.option("--engine-url", help="The search engine; else SLIPSTREAM_SEARCH_ENDPOINT, else the local stack's.")
@click.option("--base-url", help="The gateway that embeds questions; else SLIPSTREAM_BASE_URL, else the local stack.")
@click.option("--api-key", help="A key for it; else SLIPSTREAM_API_KEY, else the local stack's.")
@click.option("--figure", type=click.Path(path_type=Path), help="Where to draw the stages, as SVG.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else there.")
def profile(
    name: str, *, queries: Path, most: int, engine_url: str | None, base_url: str | None, api_key: str | None,
    figure: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Ask the index NAME each question, time every stage, and say what would make it faster.

    Runs what the gateway runs, from here: prepare, embed (by the gateway), both legs, fusion, re-rank.
    """
    from cli.engine_access import connect, require_real
    from cli.profile_run import profile as run
    from cli.profile_run import report
    from cli.progress import bars
    from cli.query_file import read_queries
    from cli.target import find
    from slipstream.errors import SlipstreamError

    asked = [query for query in read_queries(queries) if query.text.strip()][:most]
    if not asked:
        raise click.ClickException(f"{queries}: a profile needs questions with text")
    try:
        with connect(engine_url) as engine, bars() as progress:
            require_real(engine)
            found = report(run(engine, name, asked, lambda: find(base_url, api_key), progress))
    except SlipstreamError as error:
        raise click.ClickException(error.message) from error
    if figure is not None:
        from bench.search_figures import profile as draw

        draw(found, figure)
    if as_json:
        click.echo(json.dumps(found))
        return
    _show(found)


def _show(found: Mapping[str, Any]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    title = f"{found['index']}: {found['queries']} queries, p50 {found['total_ms']['p50']:.1f} ms"
    shown = Table("stage", title=f"{title}, p95 {found['total_ms']['p95']:.1f} ms", title_justify="left", box=SIMPLE)
    for column in ("p50 ms", "p95 ms", "share"):
        shown.add_column(column, justify="right")
    for stage, row in found["stages_ms"].items():
        shown.add_row(stage, f"{row['p50']:.1f}", f"{row['p95']:.1f}", f"{row['share']:.0%}")
        if stage == "engine":
            for leg, each in found["legs_ms"].items():
                shown.add_row(f"  {leg} leg", f"{each['p50']:.1f}", f"{each['p95']:.1f}", "")
            shown.add_row("  of it reading hits", "", "", f"{found['fetch_share']:.0%}")
    Console().print(shown)
    click.echo("Slowest:")
    for row in found["slowest"]:
        inside = "; ".join(
            f"{leg} {', '.join(f'{part} {ms:.1f}' for part, ms in parts.items())}"
            for leg, parts in row["inside_ms"].items()
        )
        click.echo(f"  {row['total_ms']:8.1f} ms  {row['text'][:90]}\n               {inside}")
    click.echo("Advice:" if found["advice"] else "Advice: nothing to change was found")
    for advice in found["advice"]:
        click.echo(f"  {advice['setting']}: {advice['change']}\n    because {advice['why']}")

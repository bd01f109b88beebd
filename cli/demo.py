"""``slipstream demo``: the short tour, six questions over samples/; or NAME, one capability at length."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

import click
from rich.console import Console

from cli import kept_tour, sample_index
from cli.demo_table import Outcome, answers, savings
from cli.demonstrations import DEMONSTRATIONS, Demonstration
from cli.gateway_client import CallFailed, Reply, complete, stream
from cli.loading import Loading
from cli.stage import Stage, drained, gateway
from cli.tour import TOUR, Stop
from cli.waterfall_view import summary, waterfall
from local import places
from local.session import running

CONSTANTS = (
    "No language model ran here: the answers are sentences of the documents. "
    "Times come from the local Bedrock server, so every gain in time is modelled: it follows from the constants of "
    "its latency model (docs/local-bedrock.md has them, with sources and dates). Tokens and prices follow Bedrock's "
    "rules and the dated price list of each model. `make bench` measures what the gateway itself adds."
)


def ask(stage: Stage, stop: Stop) -> Outcome:
    """Ask with the technique, showing the answer as it comes; then the same without it, silently."""
    stage.console.rule(f"[bold]{stop.technique}[/bold]", align="left")
    if stop.earlier:
        stage.console.print(f"[dim]asked before, not measured: {stop.earlier}[/dim]")
        drained(stage.target, stop.body(stop.earlier, stop.changes))
    began = time.perf_counter()
    replies = [streamed(stage, stop)] if len(stop.questions) == 1 else at_once(stage, stop)
    took_ms = (time.perf_counter() - began) * 1000
    if len(replies) > 1:
        return Outcome(stop, replies, took_ms, None, sum(reply.total_ms for reply in replies))
    body = stop.body(stop.questions[0], stop.without)
    counterpart = complete(stage.target, body) if stop.buffered else drained(stage.target, body)
    return Outcome(stop, replies, took_ms, counterpart, counterpart.total_ms)


def streamed(stage: Stage, stop: Stop) -> Reply:
    """One question, its answer token by token, its waterfall."""
    stage.console.print(f"[cyan]{stop.questions[0]}[/cyan]  [dim]({stop.document})[/dim]")
    reply = Reply()
    for piece in stream(stage.target, stop.body(stop.questions[0], stop.changes), reply):
        stage.console.file.write(piece)
        stage.console.file.flush()
    stage.console.print("\n")
    stage.console.print(waterfall(reply.report, reply.first_token_ms))
    stage.console.print(
        summary(reply.report, reply.first_token_ms, reply.total_ms), style="dim", markup=False, soft_wrap=True
    )
    return reply


def at_once(stage: Stage, stop: Stop) -> list[Reply]:
    """Several questions side by side; each answer is shown when it is whole."""

    def one(question: str) -> Reply:
        reply = drained(stage.target, stop.body(question, stop.changes))
        stage.console.print(f"[cyan]{question}[/cyan]  [dim]({reply.total_ms:,.0f} ms)[/dim]\n{reply.text}\n")
        return reply

    with ThreadPoolExecutor(len(stop.questions)) as pool:
        return list(pool.map(one, stop.questions))


class Name(click.ParamType[str]):
    """A demonstration's name; a wrong one is answered with the nearest."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name itself."""
        if value not in DEMONSTRATIONS:
            from difflib import get_close_matches

            near = get_close_matches(value, DEMONSTRATIONS, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(DEMONSTRATIONS)}."
            self.fail(f"no demonstration '{value}'; {hint}", param, ctx)
        return value


@click.command()
@click.argument("name", required=False, type=Name())
@click.option("--list", "as_list", is_flag=True, help="Name the longer demonstrations and stop.")
@click.option("--json", "as_json", is_flag=True, help="NAME's figures as one JSON object on standard output.")
@click.option("--age", is_flag=True, help="With precompute: let days pass on a stack that runs already, too.")
@click.option("--base-url", help="A gateway that runs already; else the local stack is started and stopped.")
@click.option("--api-key", help="Its key.")
def demo(
    name: str | None, *, as_list: bool, as_json: bool, age: bool, base_url: str | None, api_key: str | None
) -> None:
    """Ask five questions over samples/, streamed, and show what each technique saved against the same request.

    A sixth goes to an index of 150 pages, and comes again: from the cache, in other words, after its page changed.
    With NAME, show one capability at length: streaming, prompt-cache,
    parameters, latency, retrieval, precompute.
    """
    if as_list:
        for known, demonstration in DEMONSTRATIONS.items():
            click.echo(f"{known:<14}{demonstration.about}")
        return
    if as_json and name is None:
        raise click.UsageError(f"--json goes with a NAME: {', '.join(DEMONSTRATIONS)}")
    ages_days = DEMONSTRATIONS[name].ages_days if name is not None else 0
    if age and not ages_days:
        raise click.UsageError("--age goes with precompute alone: no other demonstration lets days pass")
    console = Console(highlight=False, stderr=as_json)
    began = time.monotonic()
    try:
        with gateway(base_url, api_key, console) as stage:
            if ages_days:
                refuse_to_age(stage, ages_days, asked=age)
            started = stage.started
            tour(stage) if name is None else at_length(stage, DEMONSTRATIONS[name], name, as_json=as_json)
    except CallFailed as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        console.print("\nstopped" if running(places.default()) else "\nstopped; nothing is left running")
        sys.exit(130)
    hint = " `make up` leaves the stack running for your own client." if started else ""
    console.print(f"\nDone in {time.monotonic() - began:.0f} s.{hint}")


def refuse_to_age(stage: Stage, days: int, *, asked: bool) -> None:
    """Raises CallFailed where what would be made ``days`` older is not the demonstration's own, unless ``asked`` to."""
    if not stage.local:
        raise CallFailed(
            "this demonstration lets days pass and a schedule come at once, which only a local stack can: leave "
            "--base-url and SLIPSTREAM_BASE_URL out; `slipstream precompute run --wait` fills another gateway"
        )
    if not stage.started and not asked:
        raise CallFailed(
            f"a local stack is running, and this demonstration makes everything in its table of answers {days} days "
            "older: kept answers would end, and the log of questions move back. Stop it (`slipstream down`), and the "
            "demonstration starts a stack of its own; or give --age, if what that stack keeps is of no value to you"
        )


def tour(stage: Stage) -> None:
    """All techniques, one question each; the pages of the last are loaded beside the first, which mostly wait."""
    beside = ThreadPoolExecutor(1, thread_name_prefix="pages")
    try:
        # Elsewhere it would leave an index behind, and cost embeddings.
        pages = beside.submit(sample_index.load, stage.target) if stage.local else None
        stage.warm(max(len(stop.questions) for stop in TOUR))
        outcomes = [ask(stage, stop) for stop in TOUR]
        kept = over_an_index(stage, pages) if pages is not None else []
    finally:
        beside.shutdown(wait=False)
    stage.console.print()
    stage.console.print(answers(outcomes))
    stage.console.print(savings(outcomes))
    if kept:
        stage.console.print(kept_tour.table(kept))
    stage.console.print(CONSTANTS, style="dim")


def over_an_index(stage: Stage, pages: Future[Loading]) -> list[kept_tour.Asked]:
    """One question to the pages, once they are loaded, and then that question again; where there is no search engine,
    say so and go on.
    """
    stage.console.rule("[bold]retrieval[/bold]", align="left")
    try:
        with stage.console.status(f"loading the samples into the index {sample_index.INDEX}"):
            loading = pages.result()
        stage.console.print(f"[dim]· beside the questions above: {sample_index.loaded(loading, local=True)}[/dim]")
        return kept_tour.kept_answers(stage, sample_index.ask(stage, kept_tour.QUESTION))
    except CallFailed as error:
        stage.console.print(f"[yellow]not shown: {error}[/yellow]")
    return []


def at_length(stage: Stage, demonstration: Demonstration, name: str, *, as_json: bool) -> None:
    """One capability: shown as it runs, then its tables, or its figures."""
    stage.console.rule(f"[bold]{name}[/bold]: {demonstration.about}", align="left")
    stage.warm(demonstration.at_once)
    figures = demonstration.run(stage)
    times = "modelled" if stage.local else "measured"
    if as_json:
        click.echo(json.dumps({"demo": name, "times": times, **figures}))
        return
    for shown in demonstration.tables(figures):
        stage.console.print(shown)
    if stage.local:
        stage.console.print(CONSTANTS, style="dim")

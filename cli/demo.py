"""``slipstream demo``: the short tour, five questions over samples/, and what each technique saved."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console

from cli.demo_table import Outcome, answers, savings
from cli.gateway_client import CallFailed, Reply, complete, stream
from cli.target import Target, find
from cli.tour import TOUR, Stop
from cli.waterfall_view import summary, waterfall
from local import places
from local.session import NotStarted, session

CONSTANTS = (
    "Times come from the local Bedrock server, so every gain in time is modelled: it follows from the constants of "
    "its latency model (docs/local-bedrock.md has them, with sources and dates). Tokens and prices follow Bedrock's "
    "rules and the dated price list of each model. `make bench` measures what the gateway itself adds."
)

WARMING = {"model": "fast", "messages": [{"role": "user", "content": "What is a queue?"}], "max_tokens": 8}


@dataclass(frozen=True)
class Stage:
    """Where the demonstration is shown, and whom it asks."""

    console: Console
    target: Target

    def warm(self) -> None:
        """Start as many environments of the function as the tour needs at once, so that no figure has a cold start."""
        most = max(len(stop.questions) for stop in TOUR)
        self.console.print(f"[dim]· warming the function: {most} requests at once, not measured[/dim]")
        with ThreadPoolExecutor(most) as pool:
            list(pool.map(lambda _: drained(self.target, WARMING), range(most)))

    def ask(self, stop: Stop) -> Outcome:
        """Ask with the technique, showing the answer as it comes; then the same without it, silently."""
        self.console.rule(f"[bold]{stop.technique}[/bold]", align="left")
        if stop.earlier:
            self.console.print(f"[dim]asked before, not measured: {stop.earlier}[/dim]")
            drained(self.target, stop.body(stop.earlier, stop.changes))
        began = time.perf_counter()
        replies = [self.streamed(stop)] if len(stop.questions) == 1 else self.at_once(stop)
        took_ms = (time.perf_counter() - began) * 1000
        if len(replies) > 1:
            return Outcome(stop, replies, took_ms, None, sum(reply.total_ms for reply in replies))
        body = stop.body(stop.questions[0], stop.without)
        counterpart = complete(self.target, body) if stop.buffered else drained(self.target, body)
        return Outcome(stop, replies, took_ms, counterpart, counterpart.total_ms)

    def streamed(self, stop: Stop) -> Reply:
        """One question, its answer token by token, its waterfall."""
        self.console.print(f"[cyan]{stop.questions[0]}[/cyan]  [dim]({stop.document})[/dim]")
        reply = Reply()
        for piece in stream(self.target, stop.body(stop.questions[0], stop.changes), reply):
            self.console.file.write(piece)
            self.console.file.flush()
        self.console.print("\n")
        self.console.print(waterfall(reply.report, reply.first_token_ms))
        self.console.print(summary(reply.report, reply.first_token_ms, reply.total_ms), style="dim", soft_wrap=True)
        return reply

    def at_once(self, stop: Stop) -> list[Reply]:
        """Several questions side by side; each answer is shown when it is whole."""

        def one(question: str) -> Reply:
            reply = drained(self.target, stop.body(question, stop.changes))
            self.console.print(f"[cyan]{question}[/cyan]  [dim]({reply.total_ms:,.0f} ms)[/dim]\n{reply.text}\n")
            return reply

        with ThreadPoolExecutor(len(stop.questions)) as pool:
            return list(pool.map(one, stop.questions))


def drained(target: Target, body: dict[str, Any]) -> Reply:
    """A streamed answer, read to its end."""
    reply = Reply()
    for _ in stream(target, body, reply):
        pass
    return reply


@contextmanager
def gateway(base_url: str | None, api_key: str | None, console: Console) -> Iterator[Target]:
    """The gateway that flags or environment name, else the local stack, started for the length of the tour."""
    if base_url or os.environ.get("SLIPSTREAM_BASE_URL"):
        yield find(base_url, api_key)
        return
    try:
        with session(places.default(), lambda line: console.print(f"[dim]· {line}[/dim]", highlight=False)) as found:
            yield Target(found.base_url, found.api_key)
    except NotStarted as error:
        console.print(f"[red]the local stack did not start:[/red]\n{error}", highlight=False)
        sys.exit(error.code)


@click.command()
@click.option("--base-url", help="A gateway that runs already; else the local stack is started and stopped.")
@click.option("--api-key", help="Its key.")
def demo(base_url: str | None, api_key: str | None) -> None:
    """Ask five questions over samples/, streamed, and show what each technique saved against the same request."""
    console = Console(highlight=False)
    began = time.monotonic()
    try:
        with gateway(base_url, api_key, console) as target:
            stage = Stage(console, target)
            stage.warm()
            outcomes = [stage.ask(stop) for stop in TOUR]
            console.print()
            console.print(answers(outcomes))
            console.print(savings(outcomes))
            console.print(CONSTANTS, style="dim")
    except CallFailed as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        console.print("\nstopped; nothing is left running")
        sys.exit(130)
    console.print(
        f"\nDone in {time.monotonic() - began:.0f} s. `make up` leaves the stack running for your own client."
    )

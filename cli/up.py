"""``slipstream up`` and ``slipstream down``: the local stack, left running, and how to call it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from shutil import which

import click
from rich.console import Console
from rich.rule import Rule

from local import places
from local.paste_blocks import blocks
from local.session import NotStarted, start, stop, why_ended


@click.command()
def up() -> None:
    """Start the local stack, leave it running, and print addresses, a key and three blocks to paste."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        found, launcher = start(places.default(), lambda line: console.print(f"[dim]· {line}[/dim]"))
    except NotStarted as error:
        console.print(f"[red]the local stack did not start:[/red]\n{error}")
        sys.exit(error.code)
    except KeyboardInterrupt:
        console.print("\nstopped; nothing is left running")
        sys.exit(130)
    if launcher is None:
        console.print("It is already running (`make down` stops it).")
    for title, block in blocks(found).items():
        console.print(Rule(title, align="left", style="dim"))
        console.print(block, markup=False)
    console.print(Rule(style="dim"))
    console.print(f'ask it: {runnable()} ask "What is a queue?"', markup=False)
    console.print(f"logs: {places.default().folder}/*.log · the same as JSON: {places.default().endpoint}")


def runnable() -> str:
    """How this command is called from where the user stands: by its name, or by its path where it is not on PATH."""
    mine = Path(sys.executable).with_name("slipstream")
    named = which("slipstream")
    return "slipstream" if named and Path(named) == mine else os.path.relpath(mine)


@click.command()
def down() -> None:
    """Stop the local stack, and whatever a killed one has left behind."""
    reason = why_ended(places.default())
    try:
        stopped = stop(places.default())
    except TimeoutError as error:
        raise click.ClickException(str(error)) from error
    click.echo("stopped" if stopped else "nothing was running")
    if reason:
        click.echo(f"it had ended by itself: {reason}; all of it: {places.default().launcher_log}")

"""``slipstream search``: what a search costs, and where."""

from __future__ import annotations

import click

from cli.search_profile import profile


@click.group()
def search() -> None:
    """Profile searches of an index."""


search.add_command(profile)

"""A refusal of the gateway as a command's own error."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click

from cli.gateway_client import CallFailed

P = ParamSpec("P")
R = TypeVar("R")


def told(function: Callable[P, R]) -> Callable[P, R]:
    """Let a refusal of the gateway be the command's own error."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except CallFailed as error:
            raise click.ClickException(str(error)) from error

    return run

"""Which gateway the command line speaks to: flags, else the environment, else the local stack."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from local import endpoint, places

F = TypeVar("F", bound=Callable[..., Any])
NOWHERE = "no gateway to ask: run `make up` for a local one, or set SLIPSTREAM_BASE_URL and SLIPSTREAM_API_KEY"


@dataclass(frozen=True)
class Target:
    """``base_url`` is the API's root without /v1 (a stage prefix is kept)."""

    base_url: str
    api_key: str


def find(base_url: str | None, api_key: str | None) -> Target:
    """Complete what the flags say. Raises click.ClickException that says what to do."""
    base_url = base_url or os.environ.get("SLIPSTREAM_BASE_URL")
    api_key = api_key or os.environ.get("SLIPSTREAM_API_KEY")
    if base_url:
        if not api_key:
            raise click.ClickException(f"no key for {base_url}: give --api-key or set SLIPSTREAM_API_KEY")
        return Target(_root(base_url), api_key)
    try:
        found = endpoint.read(places.default().endpoint)
    except FileNotFoundError:
        from local.session import why_ended  # only where something is amiss: it brings the launcher along

        reason = why_ended(places.default())
        raise click.ClickException(
            f"the local stack has ended by itself: {reason}\n{NOWHERE}" if reason else NOWHERE
        ) from None
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    return Target(found.base_url, api_key or found.api_key)


def gateway_options(command: F) -> F:
    """The flags ``--base-url`` and ``--api-key``."""
    key = "Its key; else SLIPSTREAM_API_KEY, else the local stack's."
    command = click.option("--api-key", help=key)(command)
    return click.option("--base-url", help="The gateway; else SLIPSTREAM_BASE_URL, else the local stack.")(command)


def at_a_gateway(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give ``command`` those flags, and as ``target`` what finds the gateway once it is called.

    Where its group takes them too (``context.obj`` is what they said, as a tuple), each counts that was not given here.
    """

    @wraps(command)
    def run(*args: Any, base_url: str | None, api_key: str | None, **kwargs: Any) -> Any:
        above_url, above_key = click.get_current_context().obj or (None, None)
        return command(*args, target=lambda: find(base_url or above_url, api_key or above_key), **kwargs)

    return gateway_options(run)


def _root(url: str) -> str:
    """Without a trailing slash or /v1: people paste either form."""
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc:
        raise click.ClickException(f"{url!r} is no address of a gateway: it looks like https://host/stage")
    return url.rstrip("/").removesuffix("/v1")

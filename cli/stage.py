"""What a demonstration is shown on, and whom it asks: the gateway that is named, else a local stack for its length."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import Request

from rich.console import Console

from cli.gateway_client import Reply, stream
from cli.target import Target, find
from local import places
from local.places import LOOPBACK
from local.proxies import direct
from local.session import NotStarted, running, session

WARMING = {"model": "fast", "messages": [{"role": "user", "content": "What is a queue?"}], "max_tokens": 8}


@dataclass(frozen=True)
class Stage:
    """Where a demonstration is shown, and whom it asks. ``local``: its answers come from the local Bedrock server;
    ``started``: on a stack that ends with it.
    """

    console: Console
    target: Target
    local: bool = False
    started: bool = False

    def warm(self, most: int) -> None:
        """Start as many environments of the function as will be needed at once, so that no figure has a cold start."""
        self.console.print(f"[dim]· warming the function: {most} requests at once, not measured[/dim]")
        with ThreadPoolExecutor(most) as pool:
            list(pool.map(lambda _: drained(self.target, WARMING), range(most)))

    def refuse_once(self, model: str, message: str) -> None:
        """Let the local Bedrock server refuse the next call of ``model`` (a glob). Only where ``local``."""
        port = json.loads(places.default().bedrock.read_text())["port"]
        fault = {"kind": "status", "status": 400, "message": message, "model": model, "times": 1}
        headers = {"content-type": "application/json"}
        url = f"http://{LOOPBACK}:{port}/__double/faults"
        direct.open(Request(url, json.dumps(fault).encode(), headers)).close()


def drained(target: Target, body: dict[str, Any]) -> Reply:
    """A streamed answer, read to its end."""
    reply = Reply()
    for _ in stream(target, body, reply):
        pass
    return reply


@contextmanager
def gateway(base_url: str | None, api_key: str | None, console: Console) -> Iterator[Stage]:
    """The gateway that flags or environment name, else the local stack, started for the length of a block."""
    if base_url or os.environ.get("SLIPSTREAM_BASE_URL"):
        yield Stage(console, find(base_url, api_key))
        return
    joins = running(places.default())
    try:
        with session(places.default(), lambda line: console.print(f"[dim]· {line}[/dim]", highlight=False)) as found:
            yield Stage(console, Target(found.base_url, found.api_key), local=True, started=not joins)
    except NotStarted as error:
        console.print(f"[red]the local stack did not start:[/red]\n{error}", highlight=False)
        sys.exit(error.code)

"""Thousands of odd and bad requests on both wires, through sockets: no 5xx, no traceback, each refusal names its field.

The threaded host serves them over the local model service at full speed. Half of them speak OpenAI's wire, half
Bedrock's; on each, half go to a model that Converse serves and half to one that only Responses serves. What is wrong
is a *complaint*: a status from 500 up, a traceback in an answer, a stream that breaks off, a bad request that passes, a
refusal that does not name the field where the generator knows which one is bad, or a line of the host that says it
met something unforeseen.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.odd import bedrock, openai
from bench.odd.over_sockets import send_in_parallel
from bench.overhead import gateway_environ
from bench.processes import running

FOLDER = Path("build/bench/run")
SEED, CONNECTIONS, MOST_EXAMPLES = 20261123, 4, 20
MODELS = ("us.amazon.nova-lite-v1:0", "openai.gpt-5.5")
"""One of each dialect."""
FAST_DOUBLE = [
    sys.executable,
    "-m",
    "local.bedrock",
    "--first-token-ms",
    "0",
    "--token-ms",
    "0",
    "--output-tokens",
    "3",
]
SERVE = [sys.executable, "-m", "slipstream.runtime.serve"]
UNFORESEEN = ('"event":"unexpected"', "Traceback", "answer broken off")


def run(
    *, requests: int = 10_000, seed: int = SEED, connections: int = CONNECTIONS, tick: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Start double and gateway, send ``requests`` and hand back what was found; see ``examine``."""
    with ExitStack() as stack:
        double = stack.enter_context(running(FAST_DOUBLE, environ={}, folder=FOLDER, name="odd-double"))
        gateway = stack.enter_context(
            running(SERVE, environ=gateway_environ(double.port), folder=FOLDER, name="odd-gateway")
        )
        began_s = perf_counter()
        found = examine(gateway.port, requests=requests, seed=seed, connections=connections, tick=tick)
        found["seconds"] = round(perf_counter() - began_s, 1)
        logged = unforeseen(gateway.log)
        alive = gateway.process.poll() is None
    found["complaints"] += len(logged) + (not alive)
    found["examples"] = (logged + found["examples"])[:MOST_EXAMPLES]
    found["host_alive"] = alive
    return found


def examine(
    port: int, *, requests: int, seed: int, connections: int = CONNECTIONS, tick: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Send ``requests``, a quarter on each wire to each model, to the gateway at ``port``.

    Hands back ``requests``, ``by_status`` (per wire and model), ``must`` (what had to become of them),
    ``complaints`` (their number) and up to twenty ``examples``.
    """
    statuses: dict[str, Counter[str]] = {}
    ways = [(wire, model) for wire in (_openai, _bedrock) for model in MODELS]
    shares = [requests // 4 + (number < requests % 4) for number in range(4)]
    must: Counter[str] = Counter()
    complaints: list[str] = []
    sent = 0
    for way, expected, status, told in chain.from_iterable(
        wire(port, model, share, seed + number, connections)
        for number, ((wire, model), share) in enumerate(zip(ways, shares, strict=True))
    ):
        sent += 1
        statuses.setdefault(way, Counter())[str(status)] += 1
        must[expected] += 1
        if told is not None:
            complaints.append(f"{way}: {told}")
        tick()
    return {
        "requests": sent,
        "seed": seed,
        "connections": connections,
        "by_status": {way: dict(sorted(counts.items())) for way, counts in statuses.items()},
        "must": dict(must),
        "complaints": len(complaints),
        "examples": complaints[:MOST_EXAMPLES],
    }


def unforeseen(log: Path) -> list[str]:
    """Lines of a host's log that speak of a failure which nobody foresaw."""
    lines = log.read_text(errors="replace").splitlines()
    return [f"log: {line[:300]}" for line in lines if any(mark in line for mark in UNFORESEEN)]


def _openai(
    port: int, model: str, count: int, seed: int, connections: int
) -> Iterator[tuple[str, str, int, str | None]]:
    cases = openai.cases(seed, count, model)
    for case, status, body in send_in_parallel(cases, connections, port=port, path="/v1/chat/completions"):
        yield f"openai, {model}", case.must, status, openai.complaint(case, status, body)


def _bedrock(
    port: int, model: str, count: int, seed: int, connections: int
) -> Iterator[tuple[str, str, int, str | None]]:
    for case, status, body in send_in_parallel(bedrock.cases(seed, count, model), connections, port=port):
        yield f"bedrock, {model}", case.must, status, bedrock.complaint(case, status, body)

"""Wait until there is something to read: the same answer streamed and buffered; and an upstream event to its bytes.

The pace is the local double's, so the saved wait is *modelled*; what the gateway adds to an event is the product's own.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.load import FRAME_TEXT, SSE_TEXT, Sample, Target, closed_loop, run_loop
from bench.overhead import converse_request, gateway_environ, openai_body, openai_request, post
from bench.processes import running
from bench.results import spread

FIRST_TOKEN_MS, TOKEN_MS, TOKENS = 500, 10, 400
FOLDER = Path("build/bench/run")


def double_command() -> list[str]:
    """The local Bedrock server with a long answer at a usual pace."""
    pace = ["--first-token-ms", str(FIRST_TOKEN_MS), "--token-ms", str(TOKEN_MS), "--output-tokens", str(TOKENS)]
    return [sys.executable, "-m", "local.bedrock", *pace]


async def _rounds(targets: list[Target], rounds: int, tick: Callable[[], None]) -> dict[str, list[Sample]]:
    out: dict[str, list[Sample]] = {target.name: [] for target in targets}
    for _ in range(rounds):
        for target in targets:
            out[target.name] += await closed_loop(target, concurrency=1, requests=1, progress=tick)
    return out


def run(*, rounds: int = 3, tick: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Interleave direct, streamed and buffered calls, one at a time."""
    with ExitStack() as stack:
        double = stack.enter_context(running(double_command(), environ={}, folder=FOLDER, name="streaming-double"))
        gateway = stack.enter_context(
            running(
                [sys.executable, "-m", "slipstream.runtime.serve"],
                environ=gateway_environ(double.port), folder=FOLDER, name="streaming-gateway",
            )
        )  # fmt: skip
        host = "127.0.0.1"
        body = openai_body(stream=True, max_tokens=TOKENS + 100)
        whole = openai_body(stream=False, max_tokens=TOKENS + 100)
        path = "/v1/chat/completions"
        targets = [
            Target("direct", host, double.port, converse_request(host, double.port, TOKENS + 100), FRAME_TEXT),
            Target("streamed", host, gateway.port, post(host, gateway.port, path, body, None), SSE_TEXT),
            Target("buffered", host, gateway.port, post(host, gateway.port, path, whole, None), SSE_TEXT),
        ]
        samples = run_loop(_rounds(targets, rounds, tick))
    return summary(samples) | {"event_to_bytes_ms": event_to_bytes(rounds, tick)}


def event_to_bytes(rounds: int, tick: Callable[[], None]) -> dict[str, Any]:
    """How long a token travels from the model service to the client, direct and through the gateway, in ms."""
    host = "127.0.0.1"
    with ExitStack() as stack:
        command = [sys.executable, "-m", "bench.stamped_upstream"]
        upstream = stack.enter_context(running(command, environ={}, folder=FOLDER, name="stamped"))
        gateway = stack.enter_context(
            running(
                [sys.executable, "-m", "slipstream.runtime.serve"],
                environ=gateway_environ(upstream.port), folder=FOLDER, name="stamped-gateway",
            )
        )  # fmt: skip
        targets = [
            Target("direct", host, upstream.port, converse_request(host, upstream.port), FRAME_TEXT, keep_stamps=True),
            Target("gateway", host, gateway.port, openai_request(host, gateway.port, None), SSE_TEXT, keep_stamps=True),
        ]
        samples = run_loop(_rounds(targets, rounds, tick))
    return {name: spread([ms for s in rows for ms in s.travel_ms]) for name, rows in samples.items()}


def summary(samples: dict[str, list[Sample]]) -> dict[str, Any]:
    """Median waits in ms, and the share of the wait that is saved."""
    good = {name: [s for s in rows if not s.error] for name, rows in samples.items()}
    first = {name: statistics.median(s.token_ms[0] for s in rows) for name, rows in good.items() if rows}
    return {
        "pace": {"first_token_ms": FIRST_TOKEN_MS, "token_ms": TOKEN_MS, "tokens": TOKENS, "label": "modelled"},
        "wait_until_readable_ms": {name: round(value, 1) for name, value in first.items()},
        "wait_saved_share": round(1 - first["streamed"] / first["buffered"], 4),
        "errors": {name: sum(1 for s in rows if s.error) for name, rows in samples.items()},
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))

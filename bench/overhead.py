"""What the gateway adds: the same answers direct, through the threaded host, and through the whole edge.

The model service is the local double at a fixed pace (first token after 50 ms, 40 tokens at 5 ms). Requests go in on
OpenAI's wire and out as ConverseStream; *direct* is the same ConverseStream call without the gateway. Paths take turns
in short blocks, in an order drawn anew each round, so that the noise of the machine falls on all alike and none always
follows the same other. *Added* is the difference of the paths' own percentiles, with the 95 % interval of a bootstrap.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.load import FRAME_TEXT, SSE_TEXT, Sample, Target, closed_loop, run_loop
from bench.processes import Running, cpu_ms, family, running
from bench.results import spread
from slipstream.retrieval.profiling.figures import percentile

BLOCK = 10
"""Requests of each client before the next path's turn: some seconds at most."""
RESAMPLES = 1000
FIRST_TOKEN_MS, TOKEN_MS, TOKENS = 50, 5, 40
MODEL = "us.amazon.nova-lite-v1:0"
QUESTION = "What is a stream? Answer in forty words."
FOLDER = Path("build/bench/run")
SERVE = [sys.executable, "-m", "slipstream.runtime.serve"]


@dataclass(frozen=True)
class Edge:
    """The local stack's front door, and the process that has the function's processes below it."""

    host: str
    port: int
    key: str
    pid: int

    def cpu_ms(self) -> float:
        """CPU of edge and function processes so far, in ms."""
        return sum(cpu_ms(pid) for pid in family(self.pid))


@dataclass
class Way:
    """One path under test: its target, how to read its processes' CPU, and what was measured."""

    target: Target
    cpu_ms: Callable[[], float]
    samples: list[Sample] = field(default_factory=list)
    used_cpu_ms: float = 0.0
    seconds: float = 0.0

    def result(self) -> dict[str, Any]:
        """Spreads in ms, errors, rate and CPU of what was measured."""
        good = [s for s in self.samples if not s.error]
        return {
            "ttft_ms": spread([s.ttft_ms for s in good]),
            "itl_ms": spread([s.itl_ms for s in good]),
            "total_ms": spread([s.total_ms for s in good]),
            "errors": len(self.samples) - len(good),
            "requests": len(self.samples),
            "requests_per_s": round(len(good) / self.seconds, 1) if self.seconds else 0.0,
            "cpu_ms_per_request": round(self.used_cpu_ms / max(1, len(self.samples)), 2),
            "same_text": len({s.text for s in good}) <= 1,
        }


def openai_body(*, stream: bool, max_tokens: int = 200, question: str = QUESTION) -> dict[str, Any]:
    """A chat completion's body."""
    return {
        "model": MODEL,
        "stream": stream,
        "max_tokens": max_tokens,
        "messages": [{"role": "user", "content": question}],
    }


def openai_request(host: str, port: int, key: str | None, question: str = QUESTION) -> bytes:
    """A streamed chat completion as the OpenAI SDK sends it, ready to write."""
    return post(host, port, "/v1/chat/completions", openai_body(stream=True, question=question), key)


def converse_request(host: str, port: int, max_tokens: int = 200) -> bytes:
    """The ConverseStream call that the gateway makes for it, ready to write."""
    body = {
        "messages": [{"role": "user", "content": [{"text": QUESTION}]}],
        "inferenceConfig": {"maxTokens": max_tokens},
    }
    return post(host, port, f"/model/{MODEL.replace(':', '%3A')}/converse-stream", body, None)


def post(host: str, port: int, path: str, body: dict[str, Any], key: str | None) -> bytes:
    """A keep-alive POST as bytes."""
    raw = json.dumps(body).encode()
    rows = [
        f"POST {path} HTTP/1.1", f"Host: {host}:{port}", "Content-Type: application/json", "Accept: */*",
        f"Content-Length: {len(raw)}", f"Authorization: Bearer {key or 'none'}",
    ]  # fmt: skip
    return "\r\n".join(rows).encode() + b"\r\n\r\n" + raw


def double_command() -> list[str]:
    """The local Bedrock server at the benchmark's pace."""
    pace = ["--first-token-ms", str(FIRST_TOKEN_MS), "--token-ms", str(TOKEN_MS), "--output-tokens", str(TOKENS)]
    return [sys.executable, "-m", "local.bedrock", *pace]


def gateway_environ(double_port: int) -> dict[str, str]:
    """Environment of a gateway process that calls the double."""
    return {
        "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"http://127.0.0.1:{double_port}",
        "AWS_ENDPOINT_URL_BEDROCK": f"http://127.0.0.1:{double_port}",
        "AWS_ENDPOINT_URL_BEDROCK_MANTLE": f"http://127.0.0.1:{double_port}",
        "PYTHONPATH": os.pathsep.join([".", "lambdas", os.environ.get("PYTHONPATH", "")]),
    }  # fmt: skip


async def _measure(
    paths: Sequence[Way], concurrency: int, rounds: int, per_round: int, tick: Callable[[], None]
) -> None:
    """Interleave: in each round every path gets ``per_round`` requests; the first round only warms up."""
    loop = asyncio.get_running_loop()
    order = random.Random(0)
    for number in range(rounds + 1):
        for path in order.sample(paths, len(paths)):
            cpu, began = path.cpu_ms(), loop.time()
            samples = await closed_loop(path.target, concurrency=concurrency, requests=per_round, progress=tick)
            if number:
                path.samples += samples
                path.used_cpu_ms += path.cpu_ms() - cpu
                path.seconds += loop.time() - began


def run(
    *,
    concurrencies: Sequence[int] = (1, 10, 50),
    requests: int = 200,
    with_edge: bool = True,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Measure every path at every concurrency; ``with_edge`` starts the whole local stack around one double."""
    with ExitStack() as stack:
        edge, double_port = local_edge(stack, max(concurrencies)) if with_edge else (None, _double(stack))
        environ = gateway_environ(double_port)
        hosts = {
            count: stack.enter_context(
                running([*SERVE, "--processes", str(count)], environ=environ, folder=FOLDER, name=f"gateway-{count}")
            )
            for count in sorted({1, os.cpu_count() or 1})
        }
        out: dict[str, Any] = {}
        for concurrency in concurrencies:
            host = hosts[min(hosts) if concurrency == 1 else max(hosts)]
            ways = _ways(double_port, host, edge)
            per_round = BLOCK if concurrency == 1 else concurrency * BLOCK
            rounds = max(3, requests // per_round)
            run_loop(_measure(list(ways.values()), concurrency, rounds, per_round, tick))
            out[str(concurrency)] = {name: way.result() for name, way in ways.items()} | {
                "added_ttft_ms": {name: _added(ways["direct"], way) for name, way in ways.items() if name != "direct"}
            }
    return {"pace": {"first_token_ms": FIRST_TOKEN_MS, "token_ms": TOKEN_MS, "tokens": TOKENS}, "concurrency": out}


def _double(stack: ExitStack) -> int:
    return stack.enter_context(running(double_command(), environ={}, folder=FOLDER, name="double")).port


def local_edge(stack: ExitStack, environments: int, pace: Sequence[str] | None = None) -> tuple[Edge, int]:
    """The whole local stack, its double at ``pace`` (None: this benchmark's); also the double's port."""
    from local.parts import free_port
    from local.places import Places
    from local.session import session

    port = free_port()
    settings = {
        "SLIPSTREAM_BEDROCK_PORT": str(port),
        "SLIPSTREAM_BEDROCK_OPTIONS": shlex.join(double_command()[3:] if pace is None else pace),
        "SLIPSTREAM_MAX_ENVIRONMENTS": str(environments),
    }
    places = Places((FOLDER / "local").resolve())
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        endpoint = stack.enter_context(session(places, lambda line: print(f"  {line}", file=sys.stderr)))
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    parts = json.loads(places.processes.read_text())["parts"]
    url = urlsplit(endpoint.base_url)
    return Edge(url.hostname or "127.0.0.1", url.port or 80, endpoint.api_key, parts["edge"]), port


def _ways(double_port: int, host: Running, edge: Edge | None) -> dict[str, Way]:
    here = "127.0.0.1"
    ways = {
        "direct": Way(
            Target("direct", here, double_port, converse_request(here, double_port), FRAME_TEXT), lambda: 0.0
        ),
        "gateway": Way(
            Target("gateway", here, host.port, openai_request(here, host.port, None), SSE_TEXT), host.cpu_ms
        ),
    }
    if edge is not None:
        request = openai_request(edge.host, edge.port, edge.key)
        ways["edge"] = Way(Target("edge", edge.host, edge.port, request, SSE_TEXT), edge.cpu_ms)
    return ways


def _added(direct: Way, path: Way) -> dict[str, float]:
    """Difference of medians and of 99th percentiles of TTFT, in ms, each with its 95 % interval."""
    base = [s.ttft_ms for s in direct.samples if not s.error]
    mine = [s.ttft_ms for s in path.samples if not s.error]
    if not base or not mine:
        return {}
    return {
        name: value
        for key, share in (("p50", 0.5), ("p99", 0.99))
        for name, value in difference(base, mine, share, key).items()
    }


def difference(base: Sequence[float], mine: Sequence[float], share: float, key: str) -> dict[str, float]:
    """How far ``mine`` lies over ``base`` at one percentile: ``key``, ``key_low_95``, ``key_high_95`` (bootstrap)."""
    source = random.Random(0)
    drawn = sorted(
        percentile(source.choices(mine, k=len(mine)), share) - percentile(source.choices(base, k=len(base)), share)
        for _ in range(RESAMPLES)
    )
    return {
        key: round(percentile(mine, share) - percentile(base, share), 3),
        f"{key}_low_95": round(percentile(drawn, 0.025), 3),
        f"{key}_high_95": round(percentile(drawn, 0.975), 3),
    }

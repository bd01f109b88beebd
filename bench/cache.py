"""Kept answers: how much sooner a hit begins, what looking adds to a miss, how many calls 200 equal requests make, and
what is served while documents change; on files, what is found by meaning and answered beforehand.

The model service is the local double with its latency model (published figures) and the table the emulator's, so a hit
against a miss is *modelled* and depends on both; what edge, function and look-up take is the product's own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request

from bench.cache_quality import quality
from bench.document_changes import READS, under_change
from bench.load import SSE_TEXT, Sample, Target, closed_loop, run_loop
from bench.overhead import (
    FOLDER,
    TOKENS,
    Edge,
    difference,
    gateway_environ,
    local_edge,
    openai_body,
    post,
)  # fmt: skip
from bench.processes import running
from bench.results import spread
from local.places import LOOPBACK
from local.proxies import direct

AT_ONCE, ENVIRONMENTS = 200, 20
WAYS = ("hit", "miss", "race", "off")
_numbers = count()


def run(
    *,
    rounds: int = 60,
    reads: int = READS,
    pairs: Sequence[Path] = (),
    log: Path | None = None,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """One request at a time of each kind in turn, through the whole edge; then 200 equal ones at once, twice; then
    ``reads`` of answers whose documents change. ``pairs`` and ``log``: see `bench.cache_quality`.
    """
    with ExitStack() as stack:
        edge, double_port = local_edge(stack, ENVIRONMENTS, ["--output-tokens", str(TOKENS)])
        samples = run_loop(_alternating(edge, rounds, tick))
        through_edge = _at_once(Target("edge", edge.host, edge.port, _request(edge, "At once?"), SSE_TEXT), double_port,
                                warm=lambda: run_loop(_warm(edge)))  # fmt: skip
        changes = under_change(f"http://{edge.host}:{edge.port}", edge.key, reads=reads, tick=tick)
        host = stack.enter_context(
            running(
                [sys.executable, "-m", "slipstream.runtime.serve"],
                environ=gateway_environ(double_port) | {"SLIPSTREAM_CACHE": "on"}, folder=FOLDER, name="cache-gateway",
            )
        )  # fmt: skip
        body = _body("At once, in one process?")
        threaded = Target("gateway", LOOPBACK, host.port, post(LOOPBACK, host.port, PATH, body, None), SSE_TEXT)
        at_once = {"gateway": _at_once(threaded, double_port), "edge": through_edge}
    return {
        "pace": {"tokens": TOKENS, "label": "modelled"},
        "ttft_ms": {way: spread([s.ttft_ms for s in samples[way] if not s.error]) for way in WAYS},
        "total_ms": {way: spread([s.total_ms for s in samples[way] if not s.error]) for way in WAYS},
        "errors": {way: sum(1 for s in samples[way] if s.error) for way in WAYS},
        "sooner": _ratio(samples),
        "added_to_a_miss_ms": _added(samples, "miss"),
        "added_to_a_raced_miss_ms": _added(samples, "race"),
        "at_once": at_once,
        "document_changes": changes,
        **quality(pairs, log, tick=tick),
    }


PATH = "/v1/chat/completions"


def _body(question: str, **options: Any) -> dict[str, Any]:
    body = openai_body(stream=True, question=question) | {"temperature": 0}
    return body | ({"slipstream": options} if options else {})


def _request(edge: Edge, question: str, **options: Any) -> bytes:
    return post(edge.host, edge.port, PATH, _body(question, **options), edge.key)


async def _alternating(edge: Edge, rounds: int, tick: Callable[[], None]) -> dict[str, list[Sample]]:
    """Hits, misses and requests past the cache in turn; the first of each warms up."""
    out: dict[str, list[Sample]] = {way: [] for way in WAYS}
    for number in range(rounds + 2):
        requests = {
            "hit": _request(edge, "What is a stream? Answer in forty words."),
            "miss": _request(edge, f"What is stream {next(_numbers)}? Answer in forty words."),
            "race": _request(edge, f"What is stream {next(_numbers)}? Answer in forty words.", cache="race"),
            "off": _request(edge, f"What is stream {next(_numbers)}? Answer in forty words.", cache="off"),
        }
        for way, request in requests.items():
            target = Target(way, edge.host, edge.port, request, SSE_TEXT)
            found = await closed_loop(target, concurrency=1, requests=1, progress=tick)
            if number > 1:
                out[way] += found
    return out


async def _warm(edge: Edge) -> None:
    target = Target("warm", edge.host, edge.port, _request(edge, "Are you there?", cache="off"), SSE_TEXT)
    await closed_loop(target, concurrency=ENVIRONMENTS, requests=4 * ENVIRONMENTS, progress=lambda: None)


def _at_once(target: Target, double_port: int, warm: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """200 equal requests at once: the model's calls, the different answers, and when the first token came."""
    warm()
    before = _calls(double_port)
    samples = run_loop(closed_loop(target, concurrency=AT_ONCE, requests=AT_ONCE, progress=lambda: None))
    good = [s for s in samples if not s.error]
    return {
        "requests": len(samples),
        "model_calls": _calls(double_port) - before,
        "answers": len({s.text for s in good}),
        "errors": len(samples) - len(good),
        "ttft_ms": spread([s.ttft_ms for s in good]),
    }


def _calls(double_port: int) -> int:
    with direct.open(Request(f"http://{LOOPBACK}:{double_port}/__double/stats")) as answer:
        return int(sum(json.load(answer)["calls"].values()))


def _added(samples: dict[str, list[Sample]], way: str) -> dict[str, float]:
    """Difference of the medians of the first token, against the same past the cache, with its 95 % interval."""
    first = {name: [s.ttft_ms for s in samples[name] if not s.error] for name in ("off", way)}
    return difference(first["off"], first[way], 0.5, "p50")


def _ratio(samples: dict[str, list[Sample]]) -> float:
    middle = {way: spread([s.ttft_ms for s in samples[way] if not s.error]).get("p50", 0.0) for way in ("hit", "miss")}
    return round(middle["miss"] / middle["hit"], 1) if middle["hit"] else 0.0


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))

"""Many streams at once for a while: no error, and no chunk lost, doubled or put into another's stream.

Each stream asks for a sentence of its own, no word of which stands in any other's, so that one chunk that went astray
makes its text differ from what was to come.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.load import SSE_TEXT, Sample, Target, closed_loop, run_loop
from bench.overhead import TOKENS, double_command, gateway_environ, openai_request
from bench.processes import running
from bench.results import spread

FOLDER = Path("build/bench/run")
LETTERS = "bcdfghjklmnpqrtvwxz"
"""No vowel and no s: no word is one that the model service's scoring leaves out or stems."""
MOST_STREAMS = len(LETTERS) ** 2


def run(*, streams: int = 50, seconds: float = 60.0, tick: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Keep ``streams`` streams open for ``seconds`` and compare each text with the sentence that its prompt holds.

    Raises ValueError over ``MOST_STREAMS`` streams.
    """
    sentences = [sentence(number) for number in range(streams)]
    with ExitStack() as stack:
        double = stack.enter_context(running(double_command(), environ={}, folder=FOLDER, name="soak-double"))
        command = [sys.executable, "-m", "slipstream.runtime.serve", "--processes", str(os.cpu_count() or 1)]
        gateway = stack.enter_context(
            running(command, environ=gateway_environ(double.port), folder=FOLDER, name="soak-gateway")
        )
        host, port = "127.0.0.1", gateway.port
        targets = [
            Target("gateway", host, port, openai_request(host, port, None, question(wanted)), SSE_TEXT)
            for wanted in sentences
        ]
        until_s = perf_counter() + seconds
        samples = run_loop(closed_loop(targets, concurrency=streams, until_s=until_s, progress=tick))
    return {"streams": streams, "seconds": seconds, **judged(samples, sentences)}


def sentence(number: int) -> str:
    """The answer of one stream: ``TOKENS`` tokens, each of which names its stream and its place in it."""
    if number >= MOST_STREAMS:
        raise ValueError(f"there are sentences for {MOST_STREAMS} streams; ask for no more")
    return " ".join(_pair(number) + _pair(place) for place in range(TOKENS - 1)) + "."


def question(wanted: str) -> str:
    """A prompt that holds the sentence, and asks for it by its first word."""
    return f"{wanted} Which sentence begins with {wanted.split(maxsplit=1)[0]}?"


def judged(samples: Sequence[Sample], sentences: Sequence[str]) -> dict[str, Any]:
    """Errors, answers that differ from their stream's sentence, and times in ms."""
    good = [s for s in samples if not s.error]
    return {
        "requests": len(samples),
        "errors": len(samples) - len(good),
        "error_kinds": dict(Counter(s.error for s in samples if s.error)),
        "wrong_texts": sum(1 for s in good if s.text != sentences[s.client].encode()),
        "wrong_token_counts": sum(1 for s in good if len(s.token_ms) != TOKENS),
        "ttft_ms": spread([s.ttft_ms for s in good]),
        "total_ms": spread([s.total_ms for s in good]),
    }


def _pair(number: int) -> str:
    return LETTERS[number // len(LETTERS)] + LETTERS[number % len(LETTERS)]

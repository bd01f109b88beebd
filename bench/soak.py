"""Many streams at once for a while: no error, and no chunk lost or doubled (each stream's text is compared)."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.load import FRAME_TEXT, SSE_TEXT, Target, closed_loop, run_loop
from bench.overhead import TOKENS, converse_request, double_command, gateway_environ, openai_request
from bench.processes import running
from bench.results import spread

FOLDER = Path("build/bench/run")


def run(*, streams: int = 50, seconds: float = 60.0, tick: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Keep ``streams`` streams open for ``seconds`` and compare each text with the model service's own."""
    with ExitStack() as stack:
        double = stack.enter_context(running(double_command(), environ={}, folder=FOLDER, name="soak-double"))
        command = [sys.executable, "-m", "slipstream.runtime.serve", "--processes", str(os.cpu_count() or 1)]
        gateway = stack.enter_context(
            running(command, environ=gateway_environ(double.port), folder=FOLDER, name="soak-gateway")
        )
        host = "127.0.0.1"
        direct = Target("direct", host, double.port, converse_request(host, double.port), FRAME_TEXT)
        through = Target("gateway", host, gateway.port, openai_request(host, gateway.port, None), SSE_TEXT)
        expected = run_loop(closed_loop(direct, concurrency=1, requests=1))[0].text
        until_s = perf_counter() + seconds
        samples = run_loop(closed_loop(through, concurrency=streams, until_s=until_s, progress=tick))
    good = [s for s in samples if not s.error]
    return {
        "streams": streams,
        "seconds": seconds,
        "requests": len(samples),
        "errors": len(samples) - len(good),
        "error_kinds": dict(Counter(s.error for s in samples if s.error)),
        "wrong_texts": sum(1 for s in good if s.text != expected),
        "wrong_token_counts": sum(1 for s in good if len(s.token_ms) != TOKENS),
        "ttft_ms": spread([s.ttft_ms for s in good]),
        "total_ms": spread([s.total_ms for s in good]),
    }

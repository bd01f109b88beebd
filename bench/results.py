"""Where a benchmark leaves what it found: build/bench/NAME.json with the machine's load, and a figure beside it."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slipstream.retrieval.profiling.figures import percentile

FOLDER = Path("build/bench")


def spread(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99, rounded to µs where the values are ms; empty without values."""
    if not values:
        return {}
    return {
        "p50": round(statistics.median(values), 3),
        "p95": round(percentile(values, 0.95), 3),
        "p99": round(percentile(values, 0.99), 3),
    }


def machine() -> dict[str, Any]:
    """What the figures were taken on: cores, load average at the end, Python, and when."""
    return {
        "cores": os.cpu_count(),
        "load_1m": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def write(name: str, result: dict[str, Any]) -> Path:
    """Write build/bench/NAME.json, machine included; returns its path."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps({**result, "machine": machine()}, indent=1) + "\n")
    return path

"""Runs of pre-computation and their plans in this process's memory: for tests, and for hosts without a table."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from slipstream.caching.filling.runs import Filled, Run

MOST_RUNS = 100


class MemoryRuns:
    """A RunStore, safe for threads; beyond ``MOST_RUNS`` the oldest go."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._filled: dict[str, dict[str, Filled]] = {}
        self._lock = Lock()

    def put(self, run: Run) -> None:
        """See RunStore."""
        with self._lock:
            self._runs[run.run] = run
            while len(self._runs) > MOST_RUNS:
                oldest = min(self._runs.values(), key=lambda one: one.started_s).run
                del self._runs[oldest]
                self._filled.pop(oldest, None)

    def get(self, run: str) -> Run | None:
        """See RunStore."""
        with self._lock:
            return self._runs.get(run)

    def newest(self) -> Sequence[Run]:
        """See RunStore."""
        with self._lock:
            return sorted(self._runs.values(), key=lambda one: (-one.started_s, one.run))

    def fill(self, run: str, filled: Filled) -> None:
        """See RunStore."""
        with self._lock:
            self._filled.setdefault(run, {})[filled.key] = filled

    def filled(self, run: str) -> Sequence[Filled]:
        """See RunStore."""
        with self._lock:
            return list(self._filled.get(run, {}).values())


class MemoryPlans:
    """PlanFiles in a dictionary."""

    bucket = ""

    def __init__(self) -> None:
        self._plans: dict[str, bytes] = {}

    def put(self, key: str, lines: bytes) -> None:
        """See PlanFiles."""
        self._plans[key] = lines

    def get(self, key: str) -> bytes | None:
        """See PlanFiles."""
        return self._plans.get(key)

"""Runs of pre-computation in a process by itself: a thread plans and fills, one run at a time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from threading import Lock, Thread

from slipstream.caching.filling.api import RunUnderWay
from slipstream.caching.filling.filler import OutOfTime
from slipstream.caching.filling.planning import Planning
from slipstream.caching.filling.runs import PlanFiles, Run, items_of
from slipstream.errors import SlipstreamError, Throttled
from slipstream.runtime.fill_parts import Fillers

TURN_S, TURNS = 900.0, 8
"""As a function's time is, and how often what is left is taken up again."""


class LoneRuns:
    """A Machine. What it does is what Step Functions do with the two functions."""

    def __init__(
        self,
        planning: Callable[[], Planning],
        fillers: Fillers,
        plans: PlanFiles,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``planning`` gives the first step, built with the first run. ``clock`` gives Unix time (s)."""
        self._planning = planning
        self._fillers = fillers
        self._plans = plans
        self._clock = clock
        self._lock = Lock()
        self._states: dict[str, str] = {}

    def start(self, run: str, *, refill: bool) -> None:
        """See Machine."""
        with self._lock:
            if "running" in self._states.values():
                raise RunUnderWay("a run is under way in this process: `slipstream precompute status` shows it")
            self._states[run] = "running"
        self._fillers.runs.put(Run(run=run, started_s=self._clock(), refill=refill))
        Thread(target=self._work, args=(run, refill), daemon=True, name=f"precompute-{run}").start()

    def state(self, run: str) -> str | None:
        """See Machine."""
        return self._states.get(run)

    def _work(self, run: str, refill: bool) -> None:
        try:
            told = self._planning().plan(run, refill=refill)
            items = items_of(self._plans.get(told["key"]) or b"")
            for turn in range(1, TURNS + 1):
                try:
                    self._fillers.of(run).fill(run, items, until_s=self._clock() + TURN_S)
                except (OutOfTime, Throttled):
                    if turn == TURNS:
                        raise
                else:
                    break
        except Exception as error:
            self._states[run] = "failed"
            why = error.message if isinstance(error, SlipstreamError) else type(error).__name__
            print(f"slipstream: the run {run} failed: {why}", file=sys.stderr)  # noqa: T201 - nobody else is told
        else:
            self._states[run] = "succeeded"

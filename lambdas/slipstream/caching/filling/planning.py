"""The first step of a run: mine the log, or take the last plan again, and write down what is to be answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from slipstream.caching.filling.asked import AskedStore
from slipstream.caching.filling.mining import Price, mine
from slipstream.caching.filling.recorder import day_of
from slipstream.caching.filling.runs import PlanFiles, Run, RunStore, lines_of
from slipstream.caching.precompute.plan import Budget


class Planning:
    """Built once an environment. ``days`` of the log count; ``clock`` gives Unix time (s)."""

    def __init__(
        self,
        *,
        asked: AskedStore,
        runs: RunStore,
        files: PlanFiles,
        price: Price,
        budget: Budget,
        days: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._asked = asked
        self._runs = runs
        self._files = files
        self._price = price
        self._budget = budget
        self._days = days
        self._clock = clock

    def plan(self, run: str, *, refill: bool = False) -> dict[str, Any]:
        """Plan ``run`` and say where its items are: ``run, bucket, key, items, cost_usd, skipped``.

        ``refill``: the items are the last plan's, of which only those are answered whose answer has ended. Planning
        a run again plans it anew; what was filled stays.
        """
        known = self._runs.get(run)
        began = Run(
            run=run,
            started_s=known.started_s if known else self._clock(),
            refill=refill,
            budget_usd=self._budget.usd,
        )
        planned = self._last(began) if refill else self._mined(began)
        self._runs.put(planned)
        return {
            "run": run,
            "bucket": self._files.bucket,
            "key": planned.plan,
            "items": planned.items,
            "cost_usd": planned.cost_usd,
            "skipped": planned.skipped,
        }

    def _mined(self, run: Run) -> Run:
        today = day_of(self._clock())
        mined = mine(self._asked, self._price, self._budget, today=today, days=self._days)
        key = f"precompute/{run.run}/items.jsonl"
        self._files.put(key, lines_of(mined.items))
        return msgspec.structs.replace(
            run, items=len(mined.items), cost_usd=mined.cost_usd, plan=key, skipped=mined.skipped
        )

    def _last(self, run: Run) -> Run:
        for before in self._runs.newest():
            if before.items and not before.refill and before.run != run.run:
                return msgspec.structs.replace(run, items=before.items, cost_usd=before.cost_usd, plan=before.plan)
        key = f"precompute/{run.run}/items.jsonl"
        self._files.put(key, b"")
        return msgspec.structs.replace(run, items=0, plan=key)

"""The first step of a run: mine the log, or take the last plan again, and write down what is to be answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from slipstream.caching.day import day_of
from slipstream.caching.filling.asked import AskedStore
from slipstream.caching.filling.mining import Price, mine
from slipstream.caching.filling.runs import Item, PlanFiles, Run, RunStore, items_of, lines_of
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
        a run again plans it anew; what was filled stays. Raises what the stores raise.
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
        return self._written(run, mined.items, mined.skipped)

    def _last(self, run: Run) -> Run:
        """The last plan, less what was refused since: it would be paid for, and refused, with each refill."""
        refused: set[str] = set()
        for before in self._runs.newest():
            if before.run == run.run:
                continue
            refused |= {one.key for one in self._runs.filled(before.run) if one.outcome == "refused"}
            if before.items and not before.refill:
                items = items_of(self._files.get(before.plan) or b"")
                left = [item for item in items if item.key not in refused]
                return self._written(run, left, {"refused_before": len(items) - len(left)} if refused else {})
        return self._written(run, [], {})

    def _written(self, run: Run, items: Sequence[Item], skipped: dict[str, int]) -> Run:
        key = f"precompute/{run.run}/items.jsonl"
        self._files.put(key, lines_of(items))
        cost_usd = sum(item.cost_usd for item in items)
        return msgspec.structs.replace(run, items=len(items), cost_usd=cost_usd, plan=key, skipped=skipped)

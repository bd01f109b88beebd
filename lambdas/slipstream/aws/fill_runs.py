"""Runs of pre-computation in the table of answers, their plans in its bucket.

``pk`` ``precompute`` holds the runs, ``precompute#<run>`` what became of a run's items (``sk`` the item's key).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from slipstream.aws.dynamodb import Table
from slipstream.aws.object_bodies import ObjectBodies
from slipstream.caching.filling.runs import KEPT_S, Filled, Run

RUNS = "precompute"


class DynamoRuns:
    """A RunStore over a table with keys ``pk`` and ``sk`` and the time-to-live attribute ``ttl_s``."""

    def __init__(self, table: Table, *, clock: Callable[[], float] = time.time) -> None:
        """``clock`` gives Unix time (s)."""
        self._table = table
        self._clock = clock

    def put(self, run: Run) -> None:
        """See RunStore."""
        told: dict[str, Any] = msgspec.to_builtins(run)
        self._table.put_item({"pk": RUNS, "sk": run.run, **told, "ttl_s": self._ttl_s()})

    def get(self, run: str) -> Run | None:
        """See RunStore."""
        item = self._table.get_item({"pk": RUNS, "sk": run}, consistent=True)
        return None if item is None else msgspec.convert(item, Run)

    def newest(self) -> Sequence[Run]:
        """See RunStore. Runs are named by whoever starts them, so that their names tell no order."""
        found = [msgspec.convert(item, Run) for item in self._table.query("pk = :pk", values={":pk": RUNS})]
        return sorted(found, key=lambda one: (-one.started_s, one.run))

    def fill(self, run: str, filled: Filled) -> None:
        """See RunStore."""
        told: dict[str, Any] = msgspec.to_builtins(filled)
        self._table.put_item({"pk": f"{RUNS}#{run}", "sk": filled.key, **told, "ttl_s": self._ttl_s()})

    def filled(self, run: str) -> Iterator[Filled]:
        """See RunStore."""
        for item in self._table.query("pk = :pk", values={":pk": f"{RUNS}#{run}"}, consistent=True):
            yield msgspec.convert(item, Filled)

    def _ttl_s(self) -> int:
        return int(self._clock() + KEPT_S)


class BucketPlans:
    """PlanFiles in the bucket of bodies."""

    def __init__(self, bucket: str, objects: ObjectBodies) -> None:
        self.bucket = bucket
        self._objects = objects

    def put(self, key: str, lines: bytes) -> None:
        """See PlanFiles."""
        self._objects.put(key, lines)

    def get(self, key: str) -> bytes | None:
        """See PlanFiles."""
        return self._objects.get(key)

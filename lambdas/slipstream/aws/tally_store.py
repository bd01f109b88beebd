"""Counts of what kept answers were worth, in the table of answers: ``tally#<namespace>#<day>``, an item an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from slipstream.aws.dynamodb import Item, Table
from slipstream.caching.tally import Used

KEPT_S = 35 * 86_400.0
ALL = "#"
"""Sort key of the day's own counts: before every answer's."""
_OURS = frozenset({"pk", "sk", "ttl_s", "family"})


class DynamoTallyStore:
    """A TallyStore over a table with keys ``pk`` and ``sk`` and the time-to-live attribute ``ttl_s``."""

    def __init__(self, table: Table, *, clock: Callable[[], float] = time.time) -> None:
        """``clock``: Unix time (s)."""
        self._table = table
        self._clock = clock

    def add(self, namespace: str, day: str, used: Used) -> None:
        """See TallyStore."""
        names = {f"#{number}": name for number, name in enumerate(used.counts)}
        values: Item = {f":{number}": round(count, 12) for number, count in enumerate(used.counts.values())}
        added = ", ".join(f"#{number} :{number}" for number in range(len(names)))
        self._table.update_item(
            {"pk": f"tally#{namespace}#{day}", "sk": used.key or ALL},
            f"ADD {added} SET ttl_s = :ttl_s, #family = :family",
            names=names | {"#family": "family"},
            values=values | {":ttl_s": int(self._clock() + KEPT_S), ":family": used.family},
        )

    def of_day(self, namespace: str, day: str, *, limit: int) -> Sequence[Used]:
        """See TallyStore."""
        items = self._table.query("pk = :pk", values={":pk": f"tally#{namespace}#{day}"}, limit=limit)
        return [
            Used(
                "" if item["sk"] == ALL else item["sk"],
                item["family"],
                {name: value for name, value in item.items() if name not in _OURS},
            )
            for item in items
        ]

"""Rules learnt from rejected calls, in the state table; ``ttl_s`` is when each expires."""

from __future__ import annotations

import time
from collections.abc import Callable

from slipstream.aws.dynamodb import Item, Table
from slipstream.errors import SlipstreamError

INDEX = "rules"
"""One partition that lists all rules (pk ``rules``, sk ``<model id>#<parameter>``): read whole at the start."""


class TableParameterRules:
    """Implements models.ports.ParameterRuleStore. A table that fails costs learning again, never a request."""

    def __init__(
        self,
        table: Table,
        *,
        clock: Callable[[], float] = time.time,
        failed: Callable[[str, SlipstreamError], None] = lambda _operation, _error: None,
    ) -> None:
        """``failed`` is told of every operation (``load``, ``remember``) that the table did not serve, and why."""
        self._table = table
        self._clock = clock
        self._failed = failed

    def load(self) -> dict[str, dict[str, float]]:
        """See ParameterRuleStore; empty where the table cannot be read.

        Expired rules are left out: DynamoDB takes days to drop them. So are items of another make.
        """
        rules: dict[str, dict[str, float]] = {}
        now_s = self._clock()
        try:
            for item in self._table.query("pk = :pk", values={":pk": INDEX}):
                model_id, rule, until_s = item.get("model_id"), item.get("parameter"), item.get("ttl_s")
                if isinstance(until_s, int | float) and until_s > now_s:
                    rules.setdefault(str(model_id), {})[str(rule)] = until_s
        except SlipstreamError as error:
            self._failed("load", error)
        return rules

    def remember(self, model_id: str, rule: str, until_s: float) -> None:
        """See ParameterRuleStore. A rule that is there already lives on until ``until_s``."""
        item: Item = {"model_id": model_id, "parameter": rule, "learnt_at": int(self._clock()), "ttl_s": int(until_s)}
        try:
            self._table.put_item({"pk": INDEX, "sk": f"{model_id}#{rule}", **item})
        except SlipstreamError as error:
            self._failed("remember", error)

"""Rules learnt from rejected calls, in the state table: pk ``rule#<model id>``, sk the parameter."""

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

    def load(self) -> dict[str, list[str]]:
        """See ParameterRuleStore; empty where the table cannot be read."""
        rules: dict[str, list[str]] = {}
        try:
            for item in self._table.query("pk = :pk", values={":pk": INDEX}):
                rules.setdefault(str(item["model_id"]), []).append(str(item["parameter"]))
        except KeyError:  # an item of another make
            return rules
        except SlipstreamError as error:
            self._failed("load", error)
        return rules

    def remember(self, model_id: str, parameter: str) -> None:
        """See ParameterRuleStore."""
        item: Item = {"model_id": model_id, "parameter": parameter, "learnt_at": int(self._clock())}
        try:
            self._table.put_item({"pk": INDEX, "sk": f"{model_id}#{parameter}", **item})
        except SlipstreamError as error:
            self._failed("remember", error)

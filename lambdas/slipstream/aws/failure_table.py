"""Failure records in the state table: pk ``ingest-failures#<index>``, sk the object's URI."""

from __future__ import annotations

import msgspec

from slipstream.aws.dynamodb import Item, Table
from slipstream.errors import UpstreamError, UpstreamUnavailable
from slipstream.retrieval.failures import FailureRecord

KEPT_S = 30 * 86_400
"""After which DynamoDB forgets a record; the queue's own messages live for 14 days."""
LONGEST_REASON = 2_000


class TableFailures:
    """A FailureStore over a table with keys ``pk`` and ``sk`` and the time-to-live attribute ``ttl_s``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, record: FailureRecord) -> None:
        """See FailureStore."""
        item: Item = {**msgspec.to_builtins(record), "reason": record.reason[:LONGEST_REASON]}
        try:
            self._table.put_item({**_place(record.index, record.origin), **item, "ttl_s": record.at_s + KEPT_S})
        except UpstreamError as error:
            raise _unusable(error) from error

    def all(self, index: str) -> list[FailureRecord]:
        """See FailureStore."""
        try:
            items = list(self._table.query("pk = :pk", values={":pk": _place(index, "")["pk"]}))
        except UpstreamError as error:
            raise _unusable(error) from error
        return [msgspec.convert(item, FailureRecord) for item in items]

    def remove(self, index: str, origin: str) -> None:
        """See FailureStore."""
        try:
            self._table.delete_item(_place(index, origin))
        except UpstreamError as error:
            raise _unusable(error) from error


def _place(index: str, origin: str) -> Item:
    return {"pk": f"ingest-failures#{index}", "sk": origin}


def _unusable(error: UpstreamError) -> UpstreamUnavailable:
    why = getattr(error, "name", "") or error.code
    return UpstreamUnavailable(f"the state table cannot be used ({why}): try again; if it stays so, check its role")

"""What was asked, in the table of answers: an item a family, and below each family an item a day and spelling.

``pk`` ``asked`` holds the families (``sk`` namespace and family), ``asked-count#<namespace>#<family>`` its counts
(``sk`` day and hash of the spelling, so that a family is read in the order of days), ``asked-salt`` what users are
hashed with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

from slipstream.aws.dynamodb import ConditionFailed, Item, Table
from slipstream.caching.filling.asked import MOST_FAMILIES, MOST_USERS, Count, Family, Sighting

FAMILIES, SALT = "asked", "asked-salt"
_ADD = "SET question = :question, ttl_s = :ttl ADD impressions :weight"
_ROOM = "attribute_not_exists(askers) OR size(askers) < :most"


class DynamoAskedStore:
    """An AskedStore over a table with keys ``pk`` and ``sk`` and the time-to-live attribute ``ttl_s``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def salt(self, epoch: str, fresh: bytes, *, until_s: float) -> bytes:
        """See AskedStore."""
        item = self._table.update_item(
            {"pk": SALT, "sk": epoch},
            "SET salt = if_not_exists(salt, :fresh), ttl_s = :ttl",
            values={":fresh": fresh, ":ttl": int(until_s)},
        )
        found: bytes = item["salt"]
        return found

    def count(self, sighting: Sighting, *, until_s: float) -> None:
        """See AskedStore."""
        key = {"pk": _counts(sighting.namespace, sighting.family), "sk": f"{sighting.period}#{_hash(sighting)}"}
        values: Item = {":question": sighting.question, ":ttl": int(until_s), ":weight": sighting.weight}
        try:
            self._table.update_item(
                key, f"{_ADD}, askers :user", condition=_ROOM, values=values | {":user": {sighting.user},
                                                                              ":most": MOST_USERS}
            )  # fmt: skip
        except ConditionFailed:
            self._table.update_item(key, f"{_ADD}, beyond :weight", values=values)

    def describe(self, family: Family, *, until_s: float) -> None:
        """See AskedStore."""
        told = {"namespace": family.namespace, "family": family.family, "template": family.template}
        self._table.put_item({**_family(family.namespace, family.family), **told, "ttl_s": int(until_s)})

    def families(self) -> Sequence[Family]:
        """See AskedStore."""
        items = self._table.query("pk = :pk", values={":pk": FAMILIES}, limit=MOST_FAMILIES)
        return [_read(item) for item in items]

    def family(self, namespace: str, family: str) -> Family | None:
        """See AskedStore."""
        item = self._table.get_item(_family(namespace, family))
        return None if item is None else _read(item)

    def counts(self, namespace: str, family: str, *, since: str) -> Iterator[Count]:
        """See AskedStore."""
        values = {":pk": _counts(namespace, family), ":since": since}
        for item in self._table.query("pk = :pk AND sk >= :since", values=values):
            yield Count(
                period=item["sk"].partition("#")[0],
                question=item["question"],
                impressions=float(item["impressions"]),
                users=frozenset(item.get("askers", ())),
                beyond=float(item.get("beyond", 0.0)),
            )

    def forget(self, namespace: str) -> int:
        """See AskedStore."""
        gone = 0
        for one in [one for one in self.families() if one.namespace == namespace]:
            for item in self._table.query("pk = :pk", values={":pk": _counts(namespace, one.family)}):
                self._table.delete_item({"pk": item["pk"], "sk": item["sk"]})
                gone += 1
            self._table.delete_item(_family(namespace, one.family))
        return gone


def _counts(namespace: str, family: str) -> str:
    return f"asked-count#{namespace}#{family}"


def _family(namespace: str, family: str) -> dict[str, Any]:
    return {"pk": FAMILIES, "sk": f"{namespace}#{family}"}


def _hash(sighting: Sighting) -> str:
    return blake2b(sighting.question.encode(), digest_size=16).hexdigest()


def _read(item: Item) -> Family:
    return Family(namespace=item["namespace"], family=item["family"], template=item["template"])

"""Keys in DynamoDB: one item a key, all in one partition, sorted by id and so by age.

One partition serves 3,000 look-ups a second, more than API Gateway's cache of checked keys lets through.
"""

from __future__ import annotations

from collections.abc import Iterator

from slipstream.aws.dynamodb import ConditionFailed, Item, Table
from slipstream.errors import UpstreamError, UpstreamUnavailable
from slipstream.keys.store import KeyExists, KeyRecord

PARTITION = "keys"
KEPT_AFTER_EXPIRY_S = 90 * 86_400
"""An expired key stays listed this long, then DynamoDB drops it."""


class DynamoKeyStore:
    """A KeyStore over a table with keys ``pk`` and ``sk`` and the time-to-live attribute ``ttl_s``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, record: KeyRecord) -> None:
        """See KeyStore. A repeated attempt of our own, which finds its own item, counts as done."""
        try:
            self._table.put_item(to_item(record), condition="attribute_not_exists(pk)")
        except ConditionFailed as failed:
            if failed.item is None or from_item(failed.item) != record:
                raise KeyExists(record.key_id) from None
        except UpstreamError as error:
            raise _unusable(error) from error

    def get(self, key_id: str) -> KeyRecord | None:
        """See KeyStore."""
        try:
            item = self._table.get_item(_place(key_id), consistent=True)
        except UpstreamError as error:
            raise _unusable(error) from error
        return from_item(item) if item else None

    def all(self) -> Iterator[KeyRecord]:
        """See KeyStore."""
        try:
            for item in self._table.query("pk = :keys", values={":keys": PARTITION}):
                yield from_item(item)
        except UpstreamError as error:
            raise _unusable(error) from error

    def revoke(self, key_id: str, at_s: int) -> KeyRecord | None:
        """See KeyStore."""
        try:
            item = self._table.update_item(
                _place(key_id),
                "SET revoked_s = if_not_exists(revoked_s, :at)",
                condition="attribute_exists(pk)",
                values={":at": at_s},
            )
        except ConditionFailed:
            return None
        except UpstreamError as error:
            raise _unusable(error) from error
        return from_item(item)


def to_item(record: KeyRecord) -> Item:
    """A record as the table keeps it; absent times are left out."""
    item: Item = {
        **_place(record.key_id),
        "digest": record.digest,
        "tenant": record.tenant,
        "scopes": record.scopes,
        "models": record.models,
        "name": record.name,
        "created_s": record.created_s,
    }
    if record.expires_s is not None:
        item |= {"expires_s": record.expires_s, "ttl_s": record.expires_s + KEPT_AFTER_EXPIRY_S}
    if record.revoked_s is not None:
        item["revoked_s"] = record.revoked_s
    return item


def from_item(item: Item) -> KeyRecord:
    """The record of an item that ``to_item`` made."""
    return KeyRecord(
        key_id=item["sk"],
        digest=item["digest"],
        tenant=item["tenant"],
        scopes=tuple(item["scopes"]),
        models=tuple(item["models"]),
        name=item["name"],
        created_s=item["created_s"],
        expires_s=item.get("expires_s"),
        revoked_s=item.get("revoked_s"),
    )


def _place(key_id: str) -> Item:
    return {"pk": PARTITION, "sk": key_id}


def _unusable(error: UpstreamError) -> UpstreamUnavailable:
    why = getattr(error, "name", "") or error.code
    return UpstreamUnavailable(
        f"the keys table cannot be used ({why}): try again; if it stays so, check the table's name and the role"
    )

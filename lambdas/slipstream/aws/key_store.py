"""Keys in DynamoDB: one item a key, found by its id."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from slipstream.aws.dynamodb import ConditionFailed, Item, Table
from slipstream.aws.json_service import ServiceError
from slipstream.errors import UpstreamUnavailable
from slipstream.keys.store import KeyExists, KeyRecord

SORT_VALUE = "key"
KEPT_AFTER_EXPIRY_S = 90 * 86_400
"""An expired key stays listed this long, then DynamoDB drops it."""


class DynamoKeyStore:
    """A KeyStore over a table with keys ``pk`` and ``sk`` and the time-to-live attribute ``ttl_s``."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, record: KeyRecord) -> None:
        """See KeyStore. A repeated attempt of our own that finds its own item counts as done."""
        try:
            with _usable():
                self._table.put_item(to_item(record), condition="attribute_not_exists(pk)")
        except ConditionFailed:
            if self.get(record.key_id) != record:
                raise KeyExists(record.key_id) from None

    def get(self, key_id: str) -> KeyRecord | None:
        """See KeyStore."""
        with _usable():
            item = self._table.get_item(_place(key_id), consistent=True)
        return from_item(item) if item else None

    def all(self) -> Iterator[KeyRecord]:
        """See KeyStore. Reads the whole table, page by page: for operators, not for requests."""
        with _usable():
            yield from map(from_item, self._table.scan())

    def revoke(self, key_id: str, at_s: int) -> KeyRecord | None:
        """See KeyStore."""
        try:
            with _usable():
                item = self._table.update_item(
                    _place(key_id),
                    "SET revoked_s = if_not_exists(revoked_s, :at)",
                    condition="attribute_exists(pk)",
                    values={":at": at_s},
                )
        except ConditionFailed:
            return None
        return from_item(item)


def to_item(record: KeyRecord) -> Item:
    """A record as the table keeps it; absent values left out."""
    item: Item = _place(record.key_id) | {
        "digest": record.digest,
        "tenant": record.tenant,
        "scopes": list(record.scopes),
        "models": list(record.models),
        "name": record.name,
        "created_s": record.created_s,
    }
    if record.expires_s is not None:
        item["expires_s"] = record.expires_s
        item["ttl_s"] = record.expires_s + KEPT_AFTER_EXPIRY_S
    if record.revoked_s is not None:
        item["revoked_s"] = record.revoked_s
    return item


def from_item(item: Item) -> KeyRecord:
    """The record of an item that ``to_item`` made."""
    return KeyRecord(
        key_id=item["pk"],
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
    return {"pk": key_id, "sk": SORT_VALUE}


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except ServiceError as error:
        raise UpstreamUnavailable(
            f"the keys table cannot be used ({error.name}): check its name and the role's rights"
        ) from error

"""Keys in DynamoDB: one item a key, found by its id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from slipstream.aws.json_service import JsonService, Refused
from slipstream.errors import UpstreamUnavailable
from slipstream.keys.store import KeyExists, KeyRecord

SORT_VALUE = "key"
KEPT_AFTER_EXPIRY_S = 90 * 86_400
"""An expired key stays listed this long, then DynamoDB drops it."""

Item = dict[str, Any]


class DynamoKeyStore:
    """A KeyStore over a table with keys ``pk`` and ``sk`` and the time-to-live attribute ``ttl_s``."""

    def __init__(self, dynamodb: JsonService, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def add(self, record: KeyRecord) -> None:
        """See KeyStore. A repeated attempt of our own that finds its own item counts as done."""
        try:
            self._call("PutItem", Item=to_item(record), ConditionExpression="attribute_not_exists(pk)")
        except Refused as refusal:
            if refusal.name != "ConditionalCheckFailedException":
                raise _unusable(refusal) from refusal
            if self.get(record.key_id) != record:
                raise KeyExists(record.key_id) from None

    def get(self, key_id: str) -> KeyRecord | None:
        """See KeyStore."""
        try:
            answer = self._call("GetItem", Key=_place(key_id), ConsistentRead=True)
        except Refused as refusal:
            raise _unusable(refusal) from refusal
        item = answer.get("Item")
        return from_item(item) if item else None

    def all(self) -> Iterator[KeyRecord]:
        """See KeyStore. Reads the whole table, page by page: for operators, not for requests."""
        after: Item = {}
        while True:
            try:
                page = self._call("Scan", **after)
            except Refused as refusal:
                raise _unusable(refusal) from refusal
            yield from map(from_item, page["Items"])
            if not page.get("LastEvaluatedKey"):
                return
            after = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def revoke(self, key_id: str, at_s: int) -> KeyRecord | None:
        """See KeyStore."""
        try:
            answer = self._call(
                "UpdateItem",
                Key=_place(key_id),
                ConditionExpression="attribute_exists(pk)",
                UpdateExpression="SET revoked_s = if_not_exists(revoked_s, :at)",
                ExpressionAttributeValues={":at": {"N": str(at_s)}},
                ReturnValues="ALL_NEW",
            )
        except Refused as refusal:
            if refusal.name == "ConditionalCheckFailedException":
                return None
            raise _unusable(refusal) from refusal
        return from_item(answer["Attributes"])

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return self._dynamodb.call(operation, {"TableName": self._table, **arguments})


def to_item(record: KeyRecord) -> Item:
    """A record as DynamoDB keeps it: lists as JSON lists, absent values left out."""
    item: Item = _place(record.key_id) | {
        "digest": {"S": record.digest},
        "tenant": {"S": record.tenant},
        "scopes": {"L": [{"S": scope} for scope in record.scopes]},
        "models": {"L": [{"S": model} for model in record.models]},
        "name": {"S": record.name},
        "created_s": {"N": str(record.created_s)},
    }
    if record.expires_s is not None:
        item["expires_s"] = {"N": str(record.expires_s)}
        item["ttl_s"] = {"N": str(record.expires_s + KEPT_AFTER_EXPIRY_S)}
    if record.revoked_s is not None:
        item["revoked_s"] = {"N": str(record.revoked_s)}
    return item


def from_item(item: Item) -> KeyRecord:
    """The record of an item that ``to_item`` made."""
    return KeyRecord(
        key_id=item["pk"]["S"],
        digest=item["digest"]["S"],
        tenant=item["tenant"]["S"],
        scopes=tuple(scope["S"] for scope in item["scopes"]["L"]),
        models=tuple(model["S"] for model in item["models"]["L"]),
        name=item["name"]["S"],
        created_s=int(item["created_s"]["N"]),
        expires_s=_whole(item.get("expires_s")),
        revoked_s=_whole(item.get("revoked_s")),
    )


def _place(key_id: str) -> Item:
    return {"pk": {"S": key_id}, "sk": {"S": SORT_VALUE}}


def _whole(value: dict[str, str] | None) -> int | None:
    return int(value["N"]) if value else None


def _unusable(refusal: Refused) -> UpstreamUnavailable:
    return UpstreamUnavailable(f"the keys table cannot be used ({refusal.name}): check its name and the role's rights")

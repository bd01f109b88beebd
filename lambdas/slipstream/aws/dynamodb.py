"""DynamoDB for the request path: one table, plain Python values, six operations."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slipstream.aws.json_service import JsonService, ServiceError
from slipstream.aws.places import Authorizes, Places
from slipstream.aws.transport import Transport
from slipstream.errors import InvalidRequest, UpstreamError

Item = dict[str, Any]
"""str, bool, int, float, None, bytes, list, dict and non-empty sets of str, as DynamoDB has types for them."""


BATCH = 25
"""Items that one BatchWriteItem takes."""


class ConditionFailed(UpstreamError):
    """The condition did not hold. ``item`` is what stands in the table, where the call asked for it."""

    http_status, code, retryable = 409, "condition_failed", False

    def __init__(self, item: Item | None) -> None:
        super().__init__("the table's condition did not hold")
        self.item = item


def dynamodb(*, transport: Transport, auth: Authorizes, places: Places, timeout_s: float = 3.0) -> JsonService:
    """The service behind the tables of one region; share it between them."""
    return JsonService(
        "dynamodb", target="DynamoDB_20120810", version="1.0",
        transport=transport, auth=auth, places=places, timeout_s=timeout_s,
    )  # fmt: skip


class Table:
    """One table. Every call raises ServiceError, UpstreamUnavailable or UpstreamTimeout where the table fails."""

    def __init__(self, name: str, service: JsonService) -> None:
        self._name = name
        self._service = service

    def get_item(self, key: Item, *, consistent: bool = False, only: Sequence[str] = ()) -> Item | None:
        """The item, or None; ``only`` these of its attributes, which saves bytes on the line but no read units."""
        fields: Item = {"TableName": self._name, "Key": to_attributes(key), "ConsistentRead": consistent}
        if only:
            names = {f"#{number}": name for number, name in enumerate(only)}
            fields |= {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
        item = self._service.call("GetItem", fields).get("Item")
        return None if item is None else from_attributes(item)

    def get_items(self, keys: Sequence[Item], *, consistent: bool = False) -> list[Item]:
        """Those of the items that there are, in no order. At most 100 keys, each once."""
        found: list[Item] = []
        asked: Item = {"Keys": [to_attributes(key) for key in keys], "ConsistentRead": consistent}
        while asked and keys:
            answer = self._service.call("BatchGetItem", {"RequestItems": {self._name: asked}})
            found += [from_attributes(item) for item in answer.get("Responses", {}).get(self._name, [])]
            asked = answer.get("UnprocessedKeys", {}).get(self._name, {})
        return found

    def put_item(
        self, item: Item, *, condition: str | None = None, names: Mapping[str, str] | None = None,
        values: Item | None = None,
    ) -> None:  # fmt: skip
        """Write the item. Raises ConditionFailed."""
        fields = {"TableName": self._name, "Item": to_attributes(item)}
        self._write("PutItem", fields, condition, names, values)

    def put_items(self, items: Sequence[Item]) -> None:
        """Write items, each of another key, 25 in a call; what the table has no room for is sent again."""
        for at in range(0, len(items), BATCH):
            left: list[Item] = [{"PutRequest": {"Item": to_attributes(item)}} for item in items[at : at + BATCH]]
            while left:
                answer = self._service.call("BatchWriteItem", {"RequestItems": {self._name: left}})
                left = answer.get("UnprocessedItems", {}).get(self._name, [])

    def update_item(
        self, key: Item, update: str, *, condition: str | None = None, names: Mapping[str, str] | None = None,
        values: Item | None = None,
    ) -> Item:  # fmt: skip
        """Apply an update expression; the item as it is afterwards. Raises ConditionFailed."""
        fields = {
            "TableName": self._name, "Key": to_attributes(key), "UpdateExpression": update, "ReturnValues": "ALL_NEW",
        }  # fmt: skip
        return from_attributes(self._write("UpdateItem", fields, condition, names, values).get("Attributes") or {})

    def delete_item(
        self, key: Item, *, condition: str | None = None, names: Mapping[str, str] | None = None,
        values: Item | None = None,
    ) -> None:  # fmt: skip
        """Remove the item; nothing happens where there is none. Raises ConditionFailed."""
        self._write("DeleteItem", {"TableName": self._name, "Key": to_attributes(key)}, condition, names, values)

    def query(
        self, condition: str, *, names: Mapping[str, str] | None = None, values: Item | None = None,
        index: str | None = None, limit: int | None = None, consistent: bool = False,
    ) -> Iterator[Item]:  # fmt: skip
        """Items in the order of the sort key, page by page; at most ``limit``."""
        fields: Item = {"TableName": self._name, "KeyConditionExpression": condition, **_expression(names, values)}
        if index is not None:
            fields["IndexName"] = index
        if consistent:
            fields["ConsistentRead"] = True
        yield from self._pages("Query", fields, limit)

    def _pages(self, operation: str, fields: Item, left: int | None) -> Iterator[Item]:
        while True:
            if left is not None:
                fields["Limit"] = left
            answer = self._service.call(operation, fields)
            for item in answer.get("Items", []):
                yield from_attributes(item)
            if left is not None:
                left -= len(answer.get("Items", []))
            if "LastEvaluatedKey" not in answer or left == 0:
                return
            fields["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _write(
        self, operation: str, fields: Item, condition: str | None, names: Mapping[str, str] | None, values: Item | None
    ) -> Item:
        fields.update(_expression(names, values))
        if condition is not None:
            fields["ConditionExpression"] = condition
            fields["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        try:
            return self._service.call(operation, fields)
        except ServiceError as error:
            if error.name != "ConditionalCheckFailedException":
                raise
            found = error.raw.get("Item") if isinstance(error.raw, dict) else None
            raise ConditionFailed(None if found is None else from_attributes(found)) from None


def _expression(names: Mapping[str, str] | None, values: Item | None) -> Item:
    fields: Item = {}
    if names:
        fields["ExpressionAttributeNames"] = dict(names)
    if values:
        fields["ExpressionAttributeValues"] = to_attributes(values)
    return fields


def to_attributes(item: Mapping[str, Any]) -> Item:
    """Python values → DynamoDB's typed JSON. Raises InvalidRequest for a type it does not have."""
    return {name: _attribute(value) for name, value in item.items()}


def _attribute(value: Any) -> Item:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, float)):
        return {"N": repr(value)}
    if value is None:
        return {"NULL": True}
    if isinstance(value, bytes):
        return {"B": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"M": to_attributes(value)}
    if isinstance(value, (list, tuple)):
        return {"L": [_attribute(element) for element in value]}
    if isinstance(value, (set, frozenset)) and value and all(isinstance(element, str) for element in value):
        return {"SS": sorted(value)}
    raise InvalidRequest(f"DynamoDB has no type for {type(value).__name__}", code="bad_item")


def from_attributes(item: Mapping[str, Any]) -> Item:
    """DynamoDB's typed JSON → Python values."""
    return {name: _value(attribute) for name, attribute in item.items()}


def _value(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    if kind in ("S", "BOOL"):
        return value
    if kind == "N":
        return _number(value)
    if kind == "NULL":
        return None
    if kind == "M":
        return from_attributes(value)
    if kind == "L":
        return [_value(element) for element in value]
    if kind == "B":
        return base64.b64decode(value)
    if kind == "SS":
        return set(value)
    if kind == "NS":
        return {_number(element) for element in value}
    return {base64.b64decode(element) for element in value}


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)

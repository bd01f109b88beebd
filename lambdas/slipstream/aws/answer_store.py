"""Kept answers in DynamoDB, large bodies in S3.

One item an answer, ``pk`` its owner and the key's first sign, ``sk`` the key: a tenant's answers lie in sixteen
partitions, and are found again by key. The same item carries the lease of who is making the answer, so that looking
and taking the lease are one conditional update, which hands back what stands there where its condition fails. A body
of up to ``INLINE_BYTES`` lies in the item; a larger one beside it, since a failed update is billed by the item's size;
one over ``ITEM_BYTES`` in the bucket.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from slipstream.aws.dynamodb import ConditionFailed, Item, Table
from slipstream.aws.object_bodies import ITEM_BYTES, OBJECT, ObjectBodies
from slipstream.caching.entry import FORMAT, Body
from slipstream.caching.store import SKEW_S, DocumentVersion, Head, Lease, Mark, Place, Seen, Wanted, Watch
from slipstream.retrieval.bar import Bar
from slipstream.ulid import ulid

INLINE_BYTES = 4096
LEFT_S = 3600.0
"""What nobody finished or removed goes this long after its time."""
SHARDS = "0123456789abcdef"
MARK, WATCH = "mark", "watch"
_HEAD = ("entry_id", "checksum", "created_s", "expires_s", "asked_s", "documents", "version", "place", "lease",
         "lease_until_s")  # fmt: skip
_NO_ANSWER = (
    "(attribute_not_exists(entry_id) OR (#version <= :version AND (expires_s <= :alive OR created_s < :oldest OR "
    "created_s > :future)))"
)
_NO_LEASE = "(attribute_not_exists(lease) OR lease_until_s <= :now OR lease_until_s > :longest)"
_documents = msgspec.msgpack.Decoder(tuple[DocumentVersion, ...])
_bar = msgspec.msgpack.Decoder(Bar)


class DynamoAnswerStore:
    """An AnswerStore over a table with keys ``pk`` and ``sk`` and the time-to-live attribute ``ttl_s``."""

    def __init__(self, table: Table, objects: ObjectBodies | None = None) -> None:
        """``objects`` None: a body that does not fit an item is not kept."""
        self._table = table
        self._objects = objects

    def claim(self, place: Place, wanted: Wanted) -> Seen:
        """See AnswerStore."""
        until_s = wanted.now_s + wanted.lease_s
        values = {
            ":now": wanted.now_s,
            ":alive": wanted.now_s + wanted.lives_s,
            ":oldest": wanted.oldest_s,
            ":future": wanted.now_s + SKEW_S,
            ":longest": until_s + SKEW_S,
            ":version": FORMAT,
            ":holder": wanted.holder,
            ":until": until_s,
            ":left": int(until_s + LEFT_S),
        }
        update = "SET lease = :holder, lease_until_s = :until, ttl_s = if_not_exists(ttl_s, :left)"
        try:
            item = self._table.update_item(
                _answer(place),
                update,
                condition=f"{_NO_ANSWER} AND {_NO_LEASE}",
                names={"#version": "version"},
                values=values,
            )
        except ConditionFailed as failed:
            seen = _seen(failed.item or {})
            # A repeat of our own call finds the lease that the first one took.
            return seen if seen.lease is None or seen.lease.holder != wanted.holder else _mine(seen)
        return _mine(_seen(item))

    def read(self, place: Place, *, with_body: bool) -> Seen:
        """See AnswerStore."""
        only = (*_HEAD, "body") if with_body else _HEAD
        return _seen(self._table.get_item(_answer(place), consistent=True, only=only) or {})

    def body(self, place: Place, head: Head) -> Body | None:
        """See AnswerStore."""
        if head.where == OBJECT:
            raw = self._objects.get(_object(place, head)) if self._objects is not None else None
        else:
            raw = (self._table.get_item(_body(place), consistent=True) or {}).get("body")
        return None if raw is None else Body(raw, head.checksum)

    def write(self, place: Place, head: Head, body: Body) -> bool:
        """See AnswerStore."""
        ttl_s = int(head.expires_s + LEFT_S)
        item: Item = {
            **_answer(place),
            "entry_id": head.entry_id,
            "checksum": head.checksum,
            "created_s": head.created_s,
            "expires_s": head.expires_s,
            "asked_s": head.asked_s,
            "documents": msgspec.msgpack.encode(head.documents),
            "version": head.format,
            "ttl_s": ttl_s,
        }
        size = len(body.packed)
        if size <= INLINE_BYTES:
            item |= {"body": body.packed, "place": "inline"}
        elif size <= ITEM_BYTES:
            self._table.put_item({**_body(place), "body": body.packed, "ttl_s": ttl_s})
            item["place"] = "item"
        elif self._objects is not None:
            self._objects.put(_object(place, head), body.packed)
            item["place"] = OBJECT
        else:
            return False
        try:
            self._table.put_item(
                item,
                condition="attribute_not_exists(#version) OR #version <= :version",
                names={"#version": "version"},
                values={":version": head.format},
            )
        except ConditionFailed:
            return False  # a newer version of this code keeps answers here
        return True

    def release(self, place: Place, holder: str) -> None:
        """See AnswerStore."""
        try:
            self._table.update_item(
                _answer(place), "REMOVE lease, lease_until_s", condition="lease = :holder", values={":holder": holder}
            )
        except ConditionFailed:
            return

    def drop(self, place: Place, entry_id: str) -> None:
        """See AnswerStore. What lies in the bucket expires there."""
        try:
            self._table.delete_item(_answer(place), condition="entry_id = :entry", values={":entry": entry_id})
        except ConditionFailed:
            return

    def marks(self, documents: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Mark]:
        """See AnswerStore."""
        places = {_mark(index, document)["pk"]: (index, document) for index, document in documents}
        items = self._table.get_items([{"pk": pk, "sk": MARK} for pk in places], consistent=True)
        return {places[item["pk"]]: Mark(item.get("version"), item.get("after_s", 0.0)) for item in items}

    def mark(self, index: str, marks: Mapping[str, Mark], *, until_s: float) -> None:
        """See AnswerStore."""
        puts: list[Item] = []
        versioned = [(index, document) for document, mark in marks.items() if mark.version is not None]
        before = self.marks(versioned) if versioned else {}
        for document, mark in marks.items():
            after_s = max(mark.after_s, before.get((index, document), mark).after_s)
            told = {"after_s": after_s, "ttl_s": int(until_s)}
            if mark.version is not None:
                puts.append({**_mark(index, document), **told, "version": mark.version})
            else:
                values = {f":{name}": value for name, value in told.items()}
                with suppress(ConditionFailed):  # a later one stands there
                    self._table.update_item(
                        _mark(index, document),
                        "SET after_s = :after_s, ttl_s = :ttl_s",
                        condition="attribute_not_exists(after_s) OR after_s < :after_s",
                        values=values,
                    )
        self._table.put_items(puts)

    def watch(self, watch: Watch) -> None:
        """See AnswerStore."""
        place, bar = watch.place, watch.bar
        self._table.put_item({
            "pk": f"{WATCH}#{watch.generation}",
            "sk": watch.entry_id,
            "namespace": place.namespace,
            "key": place.key,
            "kept_s": watch.kept_s,
            "expires_s": watch.expires_s,
            "bar": msgspec.msgpack.encode(bar),
            "ttl_s": int(watch.expires_s + LEFT_S),
        })  # fmt: skip

    def unwatch(self, watch: Watch) -> None:
        """See AnswerStore."""
        self._table.delete_item({"pk": f"{WATCH}#{watch.generation}", "sk": watch.entry_id})

    def watches(self, generation: str, *, since_s: float, limit: int) -> Sequence[Watch]:
        """See AnswerStore."""
        values = {":pk": f"{WATCH}#{generation}", ":since": ulid(int(since_s * 1000), bytes(10))}
        found = self._table.query(
            "pk = :pk AND sk >= :since", values=values, limit=limit, consistent=True, newest_first=True
        )
        return [_watch(generation, item) for item in found][::-1]

    def purge(self, namespace: str, prefix: str = "") -> int:
        """See AnswerStore."""
        count = 0
        for shard in SHARDS if not prefix else prefix[0]:
            condition = "pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else "")
            values = {":pk": f"answer#{namespace}#{shard}"} | ({":prefix": prefix} if prefix else {})
            for item in self._table.query(condition, values=values):
                place = Place(namespace, item["sk"])
                self._table.delete_item(_answer(place))
                self._table.delete_item(_body(place))
                if self._objects is not None and item.get("place") == OBJECT:
                    self._objects.delete(_object(place, _head(item)))
                count += "entry_id" in item
        return count


def _answer(place: Place) -> Item:
    return {"pk": f"answer#{place.namespace}#{place.key[0]}", "sk": place.key}


def _body(place: Place) -> Item:
    return {"pk": f"body#{place.namespace}#{place.key[0]}", "sk": place.key}


def _mark(index: str, document: str) -> Item:
    return {"pk": f"mark#{index}#{document}", "sk": MARK}


def _object(place: Place, head: Head) -> str:
    return f"answers/{place.key[:2]}/{place.key}/{head.entry_id}"


def _watch(generation: str, item: Mapping[str, Any]) -> Watch:
    return Watch(
        place=Place(item["namespace"], item["key"]),
        entry_id=item["sk"],
        generation=generation,
        kept_s=item["kept_s"],
        expires_s=item["expires_s"],
        bar=_bar.decode(item["bar"]),
    )


def _mine(seen: Seen) -> Seen:
    return Seen(seen.head, seen.lease, mine=True)


def _seen(item: Mapping[str, Any]) -> Seen:
    lease = Lease(item["lease"], item["lease_until_s"]) if "lease" in item else None
    return Seen(_head(item) if "entry_id" in item else None, lease)


def _head(item: Mapping[str, Any]) -> Head:
    """The head; of a newer format only what every format has is read."""
    known = item["version"] <= FORMAT
    return Head(
        entry_id=item["entry_id"],
        checksum=item["checksum"],
        created_s=item["created_s"],
        expires_s=item["expires_s"],
        asked_s=item["asked_s"],
        documents=_documents.decode(item["documents"]) if known else (),
        format=item["version"],
        where=item.get("place", ""),
        body=Body(item["body"], item["checksum"]) if known and "body" in item else None,
    )

"""What is known of pairs of questions, in the table of answers; a large calibration in the bucket of bodies.

``label#<namespace>``, ``look#<namespace>``: an item each, named so that they sort by age. ``learnt#<namespace>``: the
calibration, compressed. ``learning``, by namespace: how far each one is, which costs one write more for each label.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b

import msgspec

from slipstream.aws.dynamodb import ConditionFailed, Item, Table
from slipstream.aws.object_bodies import ITEM_BYTES, OBJECT, ObjectBodies
from slipstream.caching.semantic.policy import Label, Seen
from slipstream.caching.semantic.ports import Progress
from slipstream.caching.semantic.verifier import Calibration, calibration_from, encoded
from slipstream.errors import InvalidRequest
from slipstream.ulid import new_ulid

LABELS_S = 180 * 86_400.0
LOOKS_S = 30 * 86_400.0
"""How long an item stays that nothing newer takes the place of."""
CALIBRATION = "calibration"
_COUNTS = Progress.__struct_fields__
_looks = msgspec.msgpack.Decoder(list[tuple[str, str, str, float]])


class DynamoLearningStore:
    """A LearningStore over a table with keys ``pk`` and ``sk`` and the time-to-live attribute ``ttl_s``."""

    def __init__(
        self, table: Table, objects: ObjectBodies | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        """``objects`` None: a calibration that does not fit an item is not kept. ``clock``: Unix time (s)."""
        self._table = table
        self._objects = objects
        self._clock = clock

    def tell(self, namespace: str, family: str, label: Label, *, name: str = "") -> None:
        """See LearningStore."""
        now_s = self._clock()
        pair = label.pair
        item = {
            "pk": f"label#{namespace}", "sk": name or new_ulid(self._clock()), "family": family, "asked": pair.asked,
            "candidate": pair.candidate, "cosine": pair.cosine, "equal": label.equal, "drawn": label.drawn,
            "ttl_s": int(now_s + LABELS_S),
        }  # fmt: skip
        condition = "attribute_not_exists(pk) OR #equal <> :equal" if name else None
        try:
            self._table.put_item(
                item, condition=condition, names={"#equal": "equal"} if name else None,
                values={":equal": label.equal} if name else None,
            )  # fmt: skip
        except ConditionFailed:
            return
        counts = {":one": 1, ":drawn": int(label.drawn), ":struck": int(not label.drawn and not label.equal)}
        self._table.update_item(
            _progress(namespace),
            "ADD labels :one, drawn :drawn, struck :struck SET ttl_s = :ttl_s",
            values=counts | {":ttl_s": int(now_s + LABELS_S)},
        )

    def looked(self, namespace: str, seen: Sequence[tuple[str, Seen]]) -> None:
        """See LearningStore."""
        pairs = [(family, pair.asked, pair.candidate, pair.cosine) for family, pair in seen]
        item = {"pk": f"look#{namespace}", "sk": new_ulid(self._clock()), "pairs": msgspec.msgpack.encode(pairs)}
        self._table.put_item(item | {"ttl_s": int(self._clock() + LOOKS_S)})

    def labels(self, namespace: str, *, limit: int) -> Sequence[tuple[str, Label]]:
        """See LearningStore."""
        items = self._newest(f"label#{namespace}", limit)
        found = [
            (
                item["family"],
                Label(Seen(item["asked"], item["candidate"], item["cosine"]), item["equal"], item["drawn"]),
            )
            for item in items
        ]
        return found[::-1]

    def recent(self, namespace: str, *, limit: int) -> Sequence[tuple[str, Seen]]:
        """See LearningStore."""
        found: list[tuple[str, Seen]] = []
        for item in self._newest(f"look#{namespace}", limit):
            looks = _looks.decode(item["pairs"])
            found += [(family, Seen(asked, candidate, cosine)) for family, asked, candidate, cosine in looks[::-1]]
            if len(found) >= limit:
                break
        return found[:limit][::-1]

    def progress(self, namespace: str) -> Progress:
        """See LearningStore."""
        item = self._table.get_item(_progress(namespace), only=_COUNTS) or {}
        return _read(item)

    def calibration(self, namespace: str) -> Calibration | None:
        """See LearningStore."""
        item = self._table.get_item(_learnt(namespace)) or {}
        packed = item.get("body")
        if item.get("place") == OBJECT and self._objects is not None:
            packed = self._objects.get(_object(namespace, item["name"]))
        if packed is None:
            return None
        try:
            return calibration_from(zlib.decompress(packed))
        except (zlib.error, InvalidRequest):
            return None

    def keep(self, namespace: str, calibration: Calibration, progress: Progress) -> None:
        """See LearningStore."""
        name, packed, now_s = new_ulid(self._clock()), zlib.compress(encoded(calibration)), self._clock()
        item = {**_learnt(namespace), "name": name, "ttl_s": int(now_s + LABELS_S)}
        if len(packed) <= ITEM_BYTES:
            item["body"] = packed
        elif self._objects is not None:
            self._objects.put(_object(namespace, name), packed)
            item["place"] = OBJECT
        else:
            return
        self._table.put_item(item)
        self._table.update_item(
            _progress(namespace),
            "SET learnt = :name, learnt_labels = :labels, learnt_struck = :struck, learnt_s = :now, "
            "learnt_epsilon = :epsilon",
            values={
                ":name": name,
                ":labels": progress.labels,
                ":struck": progress.struck,
                ":now": now_s,
                ":epsilon": calibration.epsilon,
            },
        )

    def namespaces(self) -> Mapping[str, Progress]:
        """See LearningStore."""
        items = self._table.query("pk = :pk", values={":pk": "learning"})
        return {item["sk"]: _read(item) for item in items if item.get("labels")}

    def forget(self, namespace: str) -> int:
        """See LearningStore. A calibration in the bucket expires there."""
        keys = [
            {"pk": item["pk"], "sk": item["sk"]}
            for kind in ("label", "look", "learnt")
            for item in self._table.query("pk = :pk", values={":pk": f"{kind}#{namespace}"})
        ]
        self._table.delete_items([*keys, _progress(namespace)])
        return sum(key["pk"].startswith("label#") for key in keys)

    def _newest(self, pk: str, limit: int) -> Iterator[Item]:
        return self._table.query("pk = :pk", values={":pk": pk}, limit=limit, newest_first=True)


def _read(item: Item) -> Progress:
    return Progress(**{name: item[name] for name in _COUNTS if name in item})


def _progress(namespace: str) -> Item:
    return {"pk": "learning", "sk": namespace}


def _learnt(namespace: str) -> Item:
    return {"pk": f"learnt#{namespace}", "sk": CALIBRATION}


def _object(namespace: str, name: str) -> str:
    return f"answers/learnt/{blake2b(namespace.encode(), digest_size=16).hexdigest()}/{name}"

"""Known questions in the table of answers.

Each is one item under ``known#NAMESPACE#FAMILY``, its sort key the time at which it was asked, so that the newest are
one Query; a second, small item under its key says which, so that it can be found, replaced and removed.
``families#NAMESPACE`` lists a namespace's families. All go with the table's time to live.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slipstream.aws.dynamodb import Item, Table
from slipstream.caching.semantic.ports import QUESTION_FORMAT, Known

LEFT_S = 3600.0
"""What nobody removed goes this long after its time."""
LISTED_S = 86_400.0
"""A family is listed for so much longer than its question, so that it is not listed again with each."""
LISTED = 4096
"""Families that this process remembers to have listed."""
_FIRST, _LAST = "at#", "at$"
"""Between these lie the questions by time; beside them, under ``key#``, what finds one by its key."""


class DynamoQuestionStore:
    """A QuestionStore over a table with keys ``pk`` and ``sk`` and the time-to-live attribute ``ttl_s``."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._listed: dict[tuple[str, str], float] = {}

    def put(self, namespace: str, family: str, known: Known) -> None:
        """See QuestionStore."""
        pk, pointer = _pk(namespace, family), self._pointer(namespace, family, known.key)
        if pointer is not None and pointer["version"] > QUESTION_FORMAT:
            return  # a newer version of this code keeps questions here
        at = _at(known.asked_s, known.key)
        common: Item = {"pk": pk, "ttl_s": int(known.expires_s + LEFT_S), "version": QUESTION_FORMAT}
        question: Item = {
            **common,
            "sk": at,
            "key": known.key,
            "text": known.text,
            "vector": known.vector,
            "answer": known.answer,
            "asked_s": known.asked_s,
            "expires_s": known.expires_s,
        }
        listed = self._listing(namespace, family, known.expires_s)
        self._table.put_items([question, {**common, "sk": f"key#{known.key}", "at": at}, *listed])
        if pointer is not None and pointer["at"] != at:
            self._table.delete_item({"pk": pk, "sk": pointer["at"]})

    def find(self, namespace: str, family: str, key: str) -> Known | None:
        """See QuestionStore."""
        pointer = self._pointer(namespace, family, key)
        if pointer is None or pointer["version"] > QUESTION_FORMAT:
            return None
        item = self._table.get_item({"pk": _pk(namespace, family), "sk": pointer["at"]}, consistent=True)
        return None if item is None else _known(item)

    def newest(self, namespace: str, family: str, *, since_s: float = 0.0, limit: int) -> Sequence[Known]:
        """See QuestionStore."""
        found: dict[str, Known] = {}
        for item in self._table.query(
            "pk = :pk AND sk BETWEEN :since AND :last",
            values={":pk": _pk(namespace, family), ":since": _at(max(0.0, since_s), "~"), ":last": _LAST},
            newest_first=True,
            limit=limit,
        ):
            if item["version"] <= QUESTION_FORMAT:
                found.setdefault(item["key"], _known(item))
        return list(found.values())

    def remove(self, namespace: str, family: str, key: str) -> None:
        """See QuestionStore."""
        pk, pointer = _pk(namespace, family), self._pointer(namespace, family, key)
        if pointer is not None and pointer["version"] <= QUESTION_FORMAT:
            self._table.delete_item({"pk": pk, "sk": pointer["at"]})
            self._table.delete_item({"pk": pk, "sk": f"key#{key}"})

    def purge(self, namespace: str, prefix: str = "") -> int:
        """See QuestionStore."""
        count = 0
        for listed in self._table.query("pk = :pk", values={":pk": f"families#{namespace}"}):
            family = listed["sk"]
            for item in self._table.query("pk = :pk", values={":pk": _pk(namespace, family)}):
                key = item["sk"].rpartition("#")[2]
                if key.startswith(prefix) or item.get("answer", "").startswith(prefix):
                    self._table.delete_item({"pk": item["pk"], "sk": item["sk"]})
                    count += "text" in item
            if not prefix:
                self._listed.pop((namespace, family), None)
                self._table.delete_item({"pk": listed["pk"], "sk": family})
        return count

    def _listing(self, namespace: str, family: str, expires_s: float) -> list[Item]:
        """What lists the family where it is not listed for long enough."""
        if self._listed.get((namespace, family), 0.0) >= expires_s:
            return []
        if len(self._listed) >= LISTED:
            self._listed.clear()
        until_s = self._listed[namespace, family] = expires_s + LISTED_S
        return [{"pk": f"families#{namespace}", "sk": family, "ttl_s": int(until_s + LEFT_S)}]

    def _pointer(self, namespace: str, family: str, key: str) -> Item | None:
        return self._table.get_item({"pk": _pk(namespace, family), "sk": f"key#{key}"}, consistent=True)


def _pk(namespace: str, family: str) -> str:
    return f"known#{namespace}#{family}"


def _at(seconds: float, key: str) -> str:
    return f"{_FIRST}{int(seconds * 1000):014d}#{key}"


def _known(item: dict[str, Any]) -> Known:
    return Known(
        key=item["key"],
        text=item["text"],
        vector=item["vector"],
        answer=item["answer"],
        asked_s=item["asked_s"],
        expires_s=item["expires_s"],
    )

"""Queries that say yes or no to a document: the filters of a search, and what versions and documents are read by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from local.opensearch.double.refusals import illegal, unsupported
from local.opensearch.double.stored import Fields

Test = Callable[[Fields], bool]
_SINGLE = frozenset({"id", "version", "level", "source", "origin", "language", "popularity", "updated_at_s"})


def test_of(clause: dict[str, Any]) -> Test:
    """The test that a clause stands for. Raises Refused for one that is none of those the adapters send."""
    ((kind, said),) = clause.items()
    if kind == "match_all":
        return lambda _: True
    if kind == "bool" and said.keys() <= {"filter", "must_not"}:
        wanted = [test_of(each) for each in said.get("filter", ())]
        unwanted = [test_of(each) for each in said.get("must_not", ())]
        return lambda document: all(test(document) for test in wanted) and not any(test(document) for test in unwanted)
    if kind in ("term", "terms", "range"):
        ((field, asked),) = said.items()
        return _between(field, asked) if kind == "range" else _any_of(field, asked if kind == "terms" else [asked])
    raise unsupported(f"query {msgspec.json.encode(clause).decode()[:200]}")


def _any_of(field: str, values: Iterable[Any]) -> Test:
    wanted = set(values)
    return lambda document: not wanted.isdisjoint(_values(field, document))


def _between(field: str, bounds: Any) -> Test:
    if not isinstance(bounds, dict) or not bounds or not bounds.keys() <= {"gte", "lte"}:
        raise illegal(f"a range has gte and lte here, not {bounds}")
    least, most = bounds.get("gte", float("-inf")), bounds.get("lte", float("inf"))
    return lambda document: any(least <= value <= most for value in _values(field, document))


def _values(field: str, document: Fields) -> Iterable[Any]:
    if field == "labels":
        return document.labels
    if field in _SINGLE:
        value = getattr(document, field)
        return () if value is None else (value,)
    group, _, name = field.partition(".")
    if group != "numbers":
        raise unsupported(f"filter on the field {field}")
    return (document.numbers[name],) if name in document.numbers else ()

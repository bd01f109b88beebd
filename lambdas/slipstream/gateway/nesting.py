"""A limit on how deep a caller's own JSON may be nested."""

from __future__ import annotations

from typing import Any

from slipstream.errors import InvalidRequest

MAX_DEPTH = 100
"""Far over any real schema, and far under what would exhaust the interpreter's stack when it is encoded again."""


def may_be_deep(openings: int) -> bool:
    """Whether JSON text with so many opening brackets could be too deep at all: cheap, and false for nearly all."""
    return openings > MAX_DEPTH


def check_depth(value: Any, param: str) -> None:
    """Raise InvalidRequest when ``value`` (decoded JSON) is nested deeper than MAX_DEPTH."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            child
            for node in level
            if isinstance(node, (dict, list))
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise InvalidRequest(f"'{param}' is nested deeper than {MAX_DEPTH} levels.", param=param, code="invalid_value")

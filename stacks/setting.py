"""One deploy setting: its documentation, its check, and its reading from CDK context, where `-c` makes all text."""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from typing import Any, Literal, Union, get_args, get_origin

Check = Callable[[Any], str | None]
"""Returns what would be right, or None if the value is."""


class BadSetting(ValueError):
    """A deploy setting that cannot be used; the message names it, its value's shape and what would be right."""


def between(low: float, high: float) -> Check:
    """Check for a number's range, both ends allowed."""
    return lambda value: None if low <= value <= high else f"a number from {low:g} to {high:g}"


def one_of(*allowed: Any) -> Check:
    """Check for a value of a list."""
    return lambda value: None if value in allowed else f"one of {', '.join(map(str, allowed))}"


def read(name: str, declared: Any, value: Any) -> Any:
    """Turn a context value into the type of ``Annotated[type, doc, check]`` and check it. Raises BadSetting."""
    kind, _, *checks = get_args(declared)
    try:
        typed = _convert(kind, value)
    except (TypeError, ValueError):
        raise BadSetting(f"setting '{name}' is {shape(value)}; it has to be {describe(kind)}") from None
    for check in checks if typed is not None else ():
        wanted = check(typed)
        if wanted:
            raise BadSetting(f"setting '{name}' is {shape(value)}; it has to be {wanted}")
    return typed


def shape(value: Any) -> str:
    """A value as an error message shows it: short, with its type."""
    text = json.dumps(value, default=str)
    return f"{text[:60]}{'…' if len(text) > 60 else ''} ({type(value).__name__})"


def describe(kind: Any) -> str:
    """A type in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return f"one of {', '.join(arguments)}"
    if origin in (Union, types.UnionType):
        return f"{describe(arguments[0])}, or nothing"
    if origin is tuple:
        return "a JSON list of texts, or texts with commas between"
    if origin is dict:
        return "a JSON object, " + ("name → text" if arguments[1] is str else "model id → prices per million tokens")
    return {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}[kind]


def _convert(kind: Any, value: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value in (None, "") else _convert(arguments[0], value)
    if origin is Literal:
        return _known(value in arguments, value)
    if origin is tuple:
        return _texts(value)
    if origin is dict:
        return _mapping(arguments[1], value)
    if kind is bool:
        return _known(str(value).lower() in {"true", "false"}, str(value).lower() == "true")
    if kind is str:
        return _known(isinstance(value, str), value)
    if isinstance(value, bool):
        raise TypeError
    return kind(value if kind is float else str(value))


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        stripped = value.strip()
        value = json.loads(stripped) if stripped.startswith("[") else [part.strip() for part in stripped.split(",")]
        value = [part for part in value if part != ""]
    return tuple(_known(isinstance(part, str), part) for part in _known(isinstance(value, list | tuple), value))


def _mapping(kind: Any, value: Any) -> dict[str, Any]:
    found = json.loads(value) if isinstance(value, str) else value
    return {name: _convert(kind, item) for name, item in _known(isinstance(found, dict), found).items()}


def _known(right: bool, value: Any) -> Any:
    if not right:
        raise TypeError
    return value

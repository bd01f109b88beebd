"""Turns a decoder's complaint into Bedrock's kind of validation message, which names the field.

Runs only when a request is refused, so it may take its time to look up what would have been right.
"""

from __future__ import annotations

import typing
from typing import Any

from slipstream.errors import InvalidRequest
from slipstream.gateway.bedrock.shapes import ConverseBody, Shape

_WORDS = {"str": "a string", "int": "an integer", "float": "a number", "bool": "a boolean"}


def refusal(error: Exception) -> InvalidRequest:
    """An InvalidRequest for what msgspec raised; ``param`` is the field's path (``messages[0].content``)."""
    if isinstance(error, UnicodeDecodeError):
        return InvalidRequest("Malformed input request: the body is not UTF-8", param="body")
    if isinstance(error, RecursionError):
        return InvalidRequest("Malformed input request: the body is nested too deeply", param="body")
    complaint, at, place = str(error).rpartition(" - at `$")
    if not at:
        complaint, place = place, ""
    path = place.rstrip("`").lstrip(".")
    quoted = complaint.split("`")
    if complaint.startswith("Object missing required field"):
        return _constraint(_join(path, quoted[1]), "Member must not be null")
    if complaint.startswith("Object contains unknown field"):
        return _extraneous(path, quoted[1])
    if complaint.startswith("Invalid enum value"):
        allowed = ", ".join(_allowed(path))
        return _constraint(path, f"Member must satisfy enum value set: [{allowed}]")
    if complaint.startswith("Expected"):
        return _constraint(path or "body", f"Member must be {_in_words(complaint)}")
    if complaint.startswith("Number out of range"):
        return _constraint(path or "body", "Member must be a number that a 64-bit float can hold")
    return InvalidRequest(f"Malformed input request: {complaint}", param=path or "body")


def _in_words(complaint: str) -> str:
    words = complaint.removeprefix("Expected ").replace(", got", ", not").replace(" | null`", "`")
    for python, word in _WORDS.items():
        words = words.replace(f"`{python}`", word)
    return words


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _constraint(path: str, constraint: str) -> InvalidRequest:
    return InvalidRequest(
        f"1 validation error detected: Value at '{path}' failed to satisfy constraint: {constraint}", param=path
    )


def _extraneous(path: str, name: str) -> InvalidRequest:
    where = _join(path, name)
    message = f"Malformed input request: '{where}': extraneous key [{name}] is not permitted"
    shape = _shape_at(path)
    if isinstance(shape, type) and issubclass(shape, Shape):
        from difflib import get_close_matches

        near = get_close_matches(name, shape.__struct_encode_fields__, 1)
        known = ", ".join(shape.__struct_encode_fields__) or "nothing"
        message += f"; did you mean '{near[0]}'?" if near else f"; this object may have: {known}"
    return InvalidRequest(message, param=where)


def _allowed(path: str) -> tuple[str, ...]:
    return tuple(str(value) for value in typing.get_args(_shape_at(path)))


def _shape_at(path: str) -> Any:
    """The type that the schema has at ``path``; None where it leaves the schema."""
    found: Any = ConverseBody
    for step in path.replace("[", ".[").split(".") if path else ():
        if step.startswith("["):
            found = (typing.get_args(found) or (None,))[-1]
        elif isinstance(found, type) and issubclass(found, Shape) and step in found.__struct_encode_fields__:
            name = found.__struct_fields__[found.__struct_encode_fields__.index(step)]
            found = typing.get_type_hints(found)[name]
        else:
            return None
        found = _without_none(found)
    return found


def _without_none(annotation: Any) -> Any:
    members = [member for member in typing.get_args(annotation) if member is not type(None)]
    return members[0] if type(None) in typing.get_args(annotation) and members else annotation

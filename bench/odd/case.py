"""What the odd requests of both wires share: a case, where to change a body, and what no answer may be."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Any, Literal

Path = tuple[str | int, ...]
Must = Literal["pass", "pass or be refused", "be refused"]

PIXEL = "iVBORw0KGgo="
ODD_TEXTS = (
    "\x00", "\ufeff", "\u202e", "🙂" * 50, "e\u0301", "\u2028", "'; --", "{{7*7}}", "%00%0a", "\r\n\r\n", "\x7f",
    "data: [DONE]\n\n", ":event-type", "</s>", "￿", "𝕏", "\\ud800", "a" * 200_000,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One request. ``param`` is what the refusal has to name; None: anything. ``path`` where it is not the wire's."""

    what: str
    body: bytes
    must: Must
    param: str | None = None
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def told(case: Case, status: int, reply: bytes) -> str:
    """The case and its answer in a line."""
    return f"{case.what}: {status} {reply[:200]!r}"


def misjudged(case: Case, status: int, reply: bytes, *, end_to_end: bool) -> str | None:
    """What is wrong with an answer whatever its wire, or None: a fault, or a refusal where there should be none.

    ``end_to_end``: what the wire lets pass may still be refused behind it, as long as nothing is at fault there.
    """
    if status >= 500:
        return f"fault of the server: {told(case, status, reply)}"
    if b"Traceback" in reply or b'File "' in reply:
        return f"traceback: {told(case, status, reply)}"
    if status < 400:
        return f"not refused: {told(case, status, reply)}" if case.must == "be refused" else None
    if case.must == "pass" and not end_to_end:
        return f"refused: {told(case, status, reply)}"
    return None


def spelled(path: Path) -> str:
    """``("messages", 0, "role")`` → ``messages[0].role``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def places(value: Any, free: Set[str], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value inside ``value`` with its path; not what is below a key of ``free``."""
    if path:
        yield path, value
    if path and path[-1] in free:
        return
    for step, child in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(child, free, (*path, step))


def at(value: Any, path: Path) -> Any:
    """The value at ``path``."""
    for step in path:
        value = value[step]
    return value


def encode(value: Any) -> bytes:
    """JSON, lone surrogates and all."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def damaged(draw: random.Random, body: dict[str, Any], *, least_bytes: int = 0) -> Case:
    """The body cut off (``least_bytes`` stay), or with wrong bytes in it."""
    text = bytearray(encode(body))
    match draw.randrange(5):
        case 0:
            return Case("cut off", bytes(text[: draw.randrange(least_bytes, len(text))]), "be refused")
        case 1:
            text[draw.randrange(len(text))] = draw.randrange(256)
        case 2:
            text.insert(draw.randrange(len(text)), draw.choice((0, 0x22, 0x5C, 0xFF, 0x7B, 0x5D)))
        case 3:
            start = draw.randrange(len(text))
            del text[start : start + draw.randrange(1, 9)]
        case _:
            text = text.replace(b"Hello", draw.choice((rb"\ud800", b"\xed\xa0\x80", b"\\u12", b"\x01", b"\xc0\xaf")))
    return Case("damaged bytes", bytes(text), "pass or be refused")


def twice(draw: random.Random, body: dict[str, Any]) -> Case:
    """A key that stands in the body twice."""
    name = draw.choice(list(body))
    again = b'{"%b":%b,' % (name.encode(), draw.choice((encode(body[name]), b'"other"', b"null")))
    return Case(f"{name} twice", again + encode(body)[1:], "pass or be refused")

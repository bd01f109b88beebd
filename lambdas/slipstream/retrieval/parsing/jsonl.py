"""JSONL, a document a line; also one JSON object, or a list of them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from slipstream.errors import UnreadableDocument
from slipstream.retrieval.parsing import fields
from slipstream.retrieval.parsing.parsed import Columns, Parsed


def parse(text: str, name: str, columns: Columns) -> Iterator[Parsed | UnreadableDocument]:
    """The documents; a line that is none is handed on as its error, and the others follow."""
    start = text.lstrip()
    if start.startswith("[") or (start.startswith("{") and "\n" in start and not _is_json(start.split("\n", 1)[0])):
        yield from _whole(text, name, columns)
        return
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            yield _refused(name, f"line {number}", str(error), last=not any(map(str.strip, lines[number:])))
            continue
        yield _document(record, name, f"line {number}", columns)


def _whole(text: str, name: str, columns: Columns) -> Iterator[Parsed | UnreadableDocument]:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        yield _refused(name, "the file", str(error), last=True)
        return
    for number, record in enumerate(value if isinstance(value, list) else [value], 1):
        yield _document(record, name, f"record {number}", columns)


def _document(record: object, name: str, where: str, columns: Columns) -> Parsed | UnreadableDocument:
    if not isinstance(record, dict):
        return _refused(name, where, "not an object", last=False)
    document = fields.parsed(record, columns=columns)
    if not document.text and not document.title:
        return UnreadableDocument(f"{where} of '{name}' has neither title nor text: fill it or take it out",
                                  code="empty_document")  # fmt: skip
    return document


def _refused(name: str, where: str, why: str, *, last: bool) -> UnreadableDocument:
    advice = "the file seems to be cut off: send all of it" if last else "write one JSON object a line"
    return UnreadableDocument(
        f"{where} of '{name}' is no JSON object ({why}): {advice}",
        code="truncated_document" if last else "bad_record",
    )


def _is_json(line: str) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True

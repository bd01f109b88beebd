"""CSV, a document a row; the first row names the columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import StringIO

from slipstream.errors import UnreadableDocument
from slipstream.retrieval.parsing import fields
from slipstream.retrieval.parsing.parsed import Columns, Parsed

SEPARATORS = ",;\t|"
LONGEST_FIELD = 10_000_000


def parse(text: str, name: str, columns: Columns) -> Iterator[Parsed | UnreadableDocument]:
    """The documents; a row with another number of fields than the header is handed on as its error."""
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        header = [column.strip() for column in next(reader)]
        _check(header, name, columns)
        rows = list(reader)
    except StopIteration:
        yield UnreadableDocument(f"'{name}' has no header row: name the columns in it", code="bad_record")
        return
    except csv.Error as error:
        yield UnreadableDocument(
            f"'{name}' is no CSV from line {reader.line_num} on ({error}): close the quotes, or send the whole file",
            code="truncated_document",
        )
        return
    numeric = _numeric(header, rows)
    for number, row in enumerate(rows, 2):
        if any(value.strip() for value in row):
            yield _document(header, row, numeric, f"row {number} of '{name}'", columns)


def _document(
    header: list[str], row: list[str], numeric: set[str], where: str, columns: Columns
) -> Parsed | UnreadableDocument:
    if len(row) != len(header):
        return UnreadableDocument(
            f"{where} has {len(row)} fields, the header {len(header)}: put fields that hold the separator in quotes",
            code="bad_record",
        )
    record = {
        name: float(value) if name in numeric and name not in _words(columns) else value
        for name, value in zip(header, row, strict=True)
        if value.strip()
    }
    return fields.parsed(record, columns=columns)


def _words(columns: Columns) -> tuple[str, ...]:
    """Columns that are words even where they look like numbers."""
    return (columns.id, columns.title, *columns.text, *fields.ID, *fields.TITLE, *fields.TEXT)


def _check(header: Sequence[str], name: str, columns: Columns) -> None:
    wanted = [column for column in (columns.id, columns.title, *columns.text, *(columns.attributes or ())) if column]
    missing = [column for column in wanted if column not in header]
    if missing:
        raise UnreadableDocument(
            f"'{name}' has no column {', '.join(map(repr, missing))}; it has {', '.join(map(repr, header[:30]))}",
            code="bad_columns",
        )


def _separator(text: str) -> str:
    """The one that stands most often in the header."""
    header = text.lstrip("\n").split("\n", 1)[0]
    return max(SEPARATORS, key=header.count)


def _numeric(header: list[str], rows: list[list[str]]) -> set[str]:
    """Columns in which every value is a number: an engine's field has one type."""
    found = {name for name in header if name}
    for row in rows:
        for name, value in zip(header, row, strict=False):
            if name in found and value.strip() and fields.number(value.lstrip("-")) is None:
                found.discard(name)
    return found

"""A record's fields (a JSONL line, a CSV row, front matter) → a parsed document."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from slipstream.chat.retrieval_options import Scalar
from slipstream.retrieval.parsing.decode import clean
from slipstream.retrieval.parsing.parsed import USUAL_COLUMNS, Columns, Parsed

ID = ("id", "_id", "doc_id", "uuid", "key")
TITLE = ("title", "name", "headline", "subject", "question")
TEXT = ("text", "body", "content", "contents", "passage", "answer", "description", "abstract")
SOURCE = ("source", "url", "link", "uri", "permalink")
UPDATED = ("updated_at_s", "updated_at", "updated", "last_modified", "modified", "lastmod", "date", "timestamp")
POPULARITY = ("popularity", "views", "pageviews")
LANGUAGE = ("language", "lang", "locale")
LONGEST_VALUE = 1_000
"""Characters of an attribute; longer ones are text, not something to filter by."""


def parsed(record: Mapping[str, object], *, columns: Columns = USUAL_COLUMNS, text: str | None = None) -> Parsed:
    """The document that ``record`` describes; ``text`` is its text where no field holds it."""
    left = {str(name): value for name, value in record.items() if value not in (None, "")}
    by_lower = {name.strip().lower(): name for name in left}
    given_attributes = left.pop(by_lower.get("attributes", ""), None)

    def take(names: Sequence[str]) -> object:
        found = next((by_lower[name] for name in names if name in by_lower and by_lower[name] in left), None)
        return None if found is None else left.pop(found)

    identifier = left.pop(columns.id, None) if columns.id else take(ID)
    title = left.pop(columns.title, None) if columns.title else take(TITLE)
    if text is None:
        text = _text(left, columns, take)
    language, updated, popularity = take(LANGUAGE), take(UPDATED), take(POPULARITY)
    source = take(SOURCE)
    chosen = left if columns.attributes is None else {name: left[name] for name in columns.attributes if name in left}
    more = given_attributes if isinstance(given_attributes, Mapping) else {}
    return Parsed(
        id=_string(identifier),
        title=" ".join(clean(_string(title)).split()),
        text=text,
        language=_string(language)[:2].lower(),
        source=_string(source),
        updated_at_s=seconds(updated),
        popularity=number(popularity),
        attributes={**attributes(chosen), **attributes(more)},
    )


def titled(document: Parsed, title: str) -> Parsed:
    """The same under ``title``."""
    return msgspec.structs.replace(document, title=" ".join(title.split()))


def attributes(values: Mapping[str, object]) -> dict[str, Scalar]:
    """What filters can ask for: plain values only; whole numbers become floats, as the engine keeps them."""
    out: dict[str, Scalar] = {}
    for name, value in values.items():
        if isinstance(value, bool) or (isinstance(value, str) and len(value) <= LONGEST_VALUE):
            out[name] = value
        elif isinstance(value, (int, float)) and math.isfinite(value):
            out[name] = float(value)
    return out


def seconds(value: object) -> float | None:
    """Unix seconds of a number or an ISO 8601 date (without a zone: UTC); None for anything else."""
    found = number(value)
    if found is not None:
        return found / 1000 if found > 1e11 else found
    try:
        at = datetime.fromisoformat(_string(value).strip())
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def number(value: object) -> float | None:
    """A finite, non-negative number, also from its text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found >= 0 else None


def _text(left: dict[str, object], columns: Columns, take: object) -> str:
    """The text columns' values, a paragraph each; without any, all fields as ``name: value`` lines."""
    if columns.text:
        parts = [_string(left.pop(name, "")) for name in columns.text]
    elif callable(take) and (found := take(TEXT)) is not None:
        parts = [_string(found)]
    else:
        parts = ["\n".join(f"{name}: {value}" for name, value in left.items() if isinstance(value, (str, int, float)))]
    return clean("\n\n".join(part for part in parts if part.strip())).strip()


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None or isinstance(value, (dict, list)) else str(value)

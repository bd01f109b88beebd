"""What every parser hands on, and what none may exceed."""

from __future__ import annotations

from typing import Literal

import msgspec

from slipstream.chat.retrieval_options import Scalar


class Parsed(msgspec.Struct, frozen=True):
    """One document's text, as Markdown (ATX headings, lists, fenced code, pipe tables) or without any structure.

    ``id``, ``source`` and what follows are empty where the file does not say them.
    """

    title: str
    text: str
    language: str = ""
    """ISO 639-1; empty: not said."""
    format: Literal["markdown", "plain"] = "markdown"
    attributes: dict[str, Scalar] = {}
    id: str = ""
    source: str = ""
    updated_at_s: float | None = None
    popularity: float | None = None


class Limits(msgspec.Struct, frozen=True):
    """How much one file may be. Beyond it the file is refused, never cut."""

    max_bytes: int = 50_000_000
    """Of the file as it lies there."""
    max_unpacked_bytes: int = 200_000_000
    """Of what is packed in it (DOCX, gzip): a small file may be a bomb."""
    max_pages: int = 2_000
    """Of a PDF."""
    max_characters: int = 10_000_000
    """Of one document's text."""
    max_records: int = 1_000_000
    """Documents in one JSONL or CSV file."""


class Columns(msgspec.Struct, frozen=True):
    """Which fields of a record (a JSONL line, a CSV row) mean what. Empty: the usual names are looked for."""

    id: str = ""
    title: str = ""
    text: tuple[str, ...] = ()
    """Joined in this order, a paragraph each."""
    attributes: tuple[str, ...] | None = None
    """None: every other field that holds a plain value."""


USUAL_LIMITS = Limits()
USUAL_COLUMNS = Columns()

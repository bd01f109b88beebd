"""DOCX: paragraphs, headings, lists and tables in their order."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from typing import Any

from slipstream.retrieval.parsing import refusals
from slipstream.retrieval.parsing.markdown_writer import Writer
from slipstream.retrieval.parsing.parsed import Limits, Parsed
from slipstream.retrieval.parsing.plain import title_of

MOST_PARTS = 10_000
_HEADING = re.compile(r"(?:heading|überschrift|titre|título|titolo|kop)\s*([1-9])", re.IGNORECASE)


def parse(raw: bytes, name: str, limits: Limits) -> Parsed:
    """Text and structure. Raises UnreadableDocument."""
    what = f"the DOCX file '{name}'"
    _check(raw, what, limits)
    import docx as word
    from docx.table import Table

    try:
        document = word.Document(BytesIO(raw))
    except Exception as error:  # whatever a damaged package makes of its reader
        raise refusals.truncated(what, type(error).__name__) from None
    writer = Writer()
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            writer.table([[cell.text for cell in row.cells] for row in block.rows])
        else:
            _paragraph(block, writer)
    about = document.core_properties
    first = next((p.text for p in document.paragraphs if _level(p) in (0, 1) and p.text.strip()), "")
    changed = about.modified
    return Parsed(
        title=" ".join((first or about.title or title_of(name)).split()),
        text=writer.text(),
        language=(about.language or "")[:2].lower(),
        updated_at_s=changed.timestamp() if changed else None,
    )


def _check(raw: bytes, what: str, limits: Limits) -> None:
    """Refuse what is no whole archive, needs a password, or would unpack to more than the limit."""
    try:
        with zipfile.ZipFile(BytesIO(raw)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, EOFError, ValueError, OSError) as error:
        raise refusals.truncated(what, str(error)) from None
    if any(part.flag_bits & 1 for part in parts):
        raise refusals.encrypted(what)
    if len(parts) > MOST_PARTS:
        raise refusals.too_large(what, len(parts), MOST_PARTS, "parts")
    unpacked = sum(part.file_size for part in parts)
    if unpacked > limits.max_unpacked_bytes:
        raise refusals.too_large(what, unpacked, limits.max_unpacked_bytes, "bytes unpacked")


def _paragraph(paragraph: Any, writer: Writer) -> None:
    text = " ".join(paragraph.text.split())
    style = (paragraph.style.name or "") if paragraph.style is not None else ""
    level = _level(paragraph)
    if level is not None:
        writer.heading(max(1, level), text)
    elif style.startswith("List") or (paragraph._p.pPr is not None and paragraph._p.pPr.numPr is not None):
        writer.item(text, "1. " if "Number" in style else "- ")
    elif "code" in style.lower() or style == "HTML Preformatted":
        writer.code(paragraph.text)
    else:
        writer.paragraph("\n".join(" ".join(line.split()) for line in paragraph.text.split("\n")))


def _level(paragraph: Any) -> int | None:
    """Of a heading, 1 to 6; 0 for the document's title; None for everything else."""
    style = (paragraph.style.name or "") if paragraph.style is not None else ""
    if style == "Title":
        return 0
    found = _HEADING.match(style)
    return min(6, int(found[1])) if found else None

"""PDF: the text of its pages; headings where its outline names them; running heads and page numbers left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from slipstream.retrieval.parsing import refusals
from slipstream.retrieval.parsing.decode import clean
from slipstream.retrieval.parsing.parsed import Limits, Parsed
from slipstream.retrieval.parsing.plain import title_of

END_WITHIN = 4096
"""Bytes from the file's end in which its end mark has to stand."""
DEEPEST_OUTLINE = 5
RUNNING_SHARE, RUNNING_PAGES = 0.6, 4
_HYPHEN = re.compile(r"([a-zß-ÿ])-\n([a-zß-ÿ])")
_NUMBER = re.compile(r"\d+")


def parse(raw: bytes, name: str, limits: Limits) -> Parsed:
    """Text page by page. Raises UnreadableDocument."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    what = f"the PDF file '{name}'"
    if b"%%EOF" not in raw[-END_WITHIN:]:
        raise refusals.truncated(what, "its end mark is missing")
    try:
        reader = PdfReader(BytesIO(raw))
        if reader.is_encrypted and not _opens_without_password(reader):
            raise refusals.encrypted(what)
        count = len(reader.pages)
        if count > limits.max_pages:
            raise refusals.too_large(what, count, limits.max_pages, "pages")
        pages = list(_pages(reader, what, limits))
        outline = _outline(reader)
        title = (reader.metadata.title if reader.metadata else "") or ""
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise refusals.truncated(what, f"{type(error).__name__}: {str(error)[:80]}") from None
    text = "\n\n".join(_page(lines, outline.get(number, {})) for number, lines in enumerate(_without_running(pages)))
    text = _HYPHEN.sub(r"\1\2", text).strip()
    if not text:
        raise refusals.without_text(what)
    return Parsed(title=" ".join(clean(title).split()) or title_of(name), text=text)


def _opens_without_password(reader: Any) -> bool:
    """Many files are encrypted with an empty password, against changes only. Needs a cipher that may not be there."""
    from pypdf.errors import DependencyError

    try:
        return bool(reader.decrypt(""))
    except (DependencyError, NotImplementedError):
        return False


def _pages(reader: Any, what: str, limits: Limits) -> Iterator[list[str]]:
    characters = 0
    for page in reader.pages:
        text = clean(page.extract_text() or "")
        characters += len(text)
        if characters > limits.max_characters:
            raise refusals.too_large(what, characters, limits.max_characters, "characters")
        yield [line.rstrip() for line in text.split("\n")]


def _outline(reader: Any) -> dict[int, dict[str, int]]:
    """Page number → the headings that the outline has there, with their levels. An outline that is broken is none."""
    found: dict[int, dict[str, int]] = {}

    def visit(entries: list[Any], level: int) -> None:
        for entry in entries:
            if isinstance(entry, list):
                if level < DEEPEST_OUTLINE:
                    visit(entry, level + 1)
            elif (page := reader.get_destination_page_number(entry)) is not None:
                found.setdefault(page, {})[_same(str(entry.title))] = level

    try:
        visit(reader.outline, 1)
    except Exception:  # an outline is an extra: no reader's complaint about it is worth the document
        return {}
    return found


def _page(lines: list[str], headings: dict[str, int]) -> str:
    out = []
    for line in lines:
        level = headings.get(_same(line))
        out.append(f"\n{'#' * (level + 1)} {line.strip()}\n" if level and line.strip() else line)
    return "\n".join(out).strip()


def _same(text: str) -> str:
    """What two spellings of a heading have in common."""
    return "".join(character for character in text.casefold() if character.isalnum())


def _without_running(pages: list[list[str]]) -> list[list[str]]:
    """The pages without first and last lines that return, but for their numbers, on most of them."""
    if len(pages) < RUNNING_PAGES:
        return pages
    edges = Counter(key for lines in pages for key in {_edge(line) for line in _ends(lines)})
    running = {key for key, times in edges.items() if times >= RUNNING_SHARE * len(pages)}
    out = []
    for lines in pages:
        kept = [line for line in lines if line.strip()]
        while kept and _edge(kept[0]) in running:
            kept.pop(0)
        while kept and _edge(kept[-1]) in running:
            kept.pop()
        out.append(kept)
    return out


def _ends(lines: list[str]) -> list[str]:
    filled = [line for line in lines if line.strip()]
    return [*filled[:1], *filled[-1:]]


def _edge(line: str) -> str:
    return _NUMBER.sub("0", line).strip()

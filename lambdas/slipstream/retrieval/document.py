"""What is indexed: a document and its passages, which enter and leave the index as one."""

from __future__ import annotations

import msgspec

from slipstream.chat.retrieval_options import Scalar


class Passage(msgspec.Struct, frozen=True):
    """A stretch of a document that is found and cited as a whole.

    ``start`` and ``end`` are offsets in characters into the document's extracted text, so that
    ``text[start:end]`` is the passage; ``ordinal`` counts from 0 in reading order.
    """

    ordinal: int
    text: str
    start: int
    end: int
    heading: tuple[str, ...] = ()
    """Headings from the document's top to this passage, without the document's title."""
    vector: tuple[float, ...] = ()
    """Unit vector of ``embedding_text``; empty until it is embedded."""


class Document(msgspec.Struct, frozen=True):
    """A document with its passages. ``id`` is the caller's (an object key, a path) and unique in its index."""

    id: str
    title: str
    version: str
    """BLAKE2b-256 of the source's bytes and attributes, in hex: equal versions need no work."""
    passages: tuple[Passage, ...]
    source: str = ""
    """Where a reader finds it: an s3:// URI, a URL, a path."""
    origin: str = ""
    """What it was loaded from (a file, an object's URI; one may hold many documents) and leaves the index with."""
    language: str = "en"
    updated_at_s: float | None = None
    """Seconds since the epoch, UTC; None: unknown, no recency."""
    popularity: float = 0.0
    """0 and up, in any unit that is the same for all documents (views a month)."""
    attributes: dict[str, Scalar] = {}
    """What filters can ask for: product, audience, year."""


def embedding_text(document: Document, passage: Passage) -> str:
    """What a passage's vector is made of."""
    return in_context(document.title, passage.heading, passage.text)


def explained(document: Document) -> list[str]:
    """Where a document may explain its acronyms."""
    return [document.title, *(passage.text for passage in document.passages)]


def in_context(title: str, heading: tuple[str, ...], text: str) -> str:
    """A passage below its title and headings, which say what the text alone does not."""
    context = breadcrumb(title, heading)
    return f"{context}\n{text}" if context else text


def breadcrumb(title: str, heading: tuple[str, ...]) -> str:
    """Title and headings, as a reader would look for a passage; empty where there are none."""
    return " > ".join(part for part in (title, *heading) if part)

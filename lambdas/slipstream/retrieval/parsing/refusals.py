"""The reasons for which a document is refused, each with what to do about it."""

from __future__ import annotations

from slipstream.errors import UnreadableDocument


def empty(what: str = "the document") -> UnreadableDocument:
    """Nothing in it."""
    return UnreadableDocument(
        f"{what} is empty: there is nothing to index; remove it or fill it", code="empty_document"
    )


def without_text(what: str) -> UnreadableDocument:
    """There is something in it, but no text."""
    return UnreadableDocument(
        f"{what} holds no text: if it is scanned or made of pictures, run a text recognition (OCR) over it first",
        code="no_text",
    )


def encrypted(what: str) -> UnreadableDocument:
    """A password is needed."""
    return UnreadableDocument(
        f"{what} is encrypted: save it without a password and send it again", code="encrypted_document"
    )


def truncated(what: str, sign: str) -> UnreadableDocument:
    """Its end is missing."""
    return UnreadableDocument(
        f"{what} is cut off or damaged ({sign}): send the whole file again", code="truncated_document"
    )


def too_large(what: str, has: int, limit: int, unit: str) -> UnreadableDocument:
    """Over one of the limits."""
    return UnreadableDocument(
        f"{what} has {has:,} {unit}, the limit is {limit:,}: split it into smaller documents",
        code="document_too_large",
    )


def unknown(what: str) -> UnreadableDocument:
    """A format that has no parser here."""
    return UnreadableDocument(
        f"{what} is not read here: text, Markdown, HTML, PDF, DOCX, JSONL and CSV are; convert it to one of these",
        code="unknown_format",
    )

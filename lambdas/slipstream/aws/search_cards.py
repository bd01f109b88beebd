"""What a hit needs to know of its document and of its passage, each as one stored string.

Strings of type keyword, because an engine of version 2.19 that keeps vectors outside the source hands out no other
stored field.
"""

from __future__ import annotations

import msgspec

from slipstream.chat.retrieval_options import Scalar
from slipstream.retrieval.document import Document, Passage


class DocumentCard(msgspec.Struct, array_like=True, frozen=True):
    """A document without its passages."""

    id: str
    version: str
    title: str
    source: str
    language: str
    updated_at_s: float | None
    popularity: float
    attributes: dict[str, Scalar]
    passages: int = 0


class PassageCard(msgspec.Struct, array_like=True, frozen=True):
    """A passage without its vector."""

    ordinal: int
    start: int
    end: int
    text: str
    heading: tuple[str, ...]


read_document = msgspec.json.Decoder(DocumentCard).decode
read_passage = msgspec.json.Decoder(PassageCard).decode


def of_document(document: Document) -> str:
    """The card to store."""
    card = DocumentCard(
        document.id, document.version, document.title, document.source, document.language, document.updated_at_s,
        document.popularity, document.attributes, len(document.passages),
    )  # fmt: skip
    return msgspec.json.encode(card).decode()


def of_passage(passage: Passage) -> str:
    """The card to store."""
    card = PassageCard(passage.ordinal, passage.start, passage.end, passage.text, passage.heading)
    return msgspec.json.encode(card).decode()

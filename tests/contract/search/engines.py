"""One engine under test, whichever it is, and small documents to put into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from slipstream.disconnect import NEVER
from slipstream.retrieval.document import Document, Passage
from slipstream.retrieval.ports import DocumentIndex, IndexSpec, PassageIndex
from slipstream.retrieval.search import EngineQuery, Hit, Legs
from slipstream.telemetry.waterfall import Waterfall

SPEC = IndexSpec(dimensions=4)
EAST, NORTH, UP = (1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0)
BETWEEN = (0.6, 0.8, 0.0, 0.0)


@dataclass(frozen=True)
class Engine:
    """Both ports of one engine, and a name that no other test has."""

    passages: PassageIndex
    documents: DocumentIndex
    index: str
    block_writes: Callable[[bool], None]
    url: str = ""

    def load(self, *documents: Document, spec: IndexSpec = SPEC) -> None:
        """A new index with these documents, ready to be searched."""
        self.documents.create(self.index, spec)
        assert self.documents.write(self.index, documents) == []
        self.documents.refresh(self.index)

    def search(self, text: str = "", **fields: Any) -> Legs:
        """One search."""
        return self.passages.search(self.index, EngineQuery(text, **fields), Waterfall(), NEVER)


def document(id: str, *texts: str, vectors: Sequence[tuple[float, ...]] = (), **fields: Any) -> Document:
    """A document whose passages stand one after another."""
    passages: list[Passage] = []
    at = 0
    headings = fields.pop("headings", ())
    for ordinal, text in enumerate(texts):
        vector = vectors[ordinal] if ordinal < len(vectors) else ()
        heading = headings[ordinal] if ordinal < len(headings) else ()
        passages.append(Passage(ordinal, text, at, at + len(text), heading, vector))
        at += len(text) + 1
    return Document(id, fields.pop("title", ""), fields.pop("version", "v1"), tuple(passages), **fields)


def places(hits: Sequence[Hit]) -> list[tuple[str, int]]:
    """Which passages, in order."""
    return [(hit.document_id, hit.ordinal) for hit in hits]


def names(hits: Sequence[Hit]) -> list[str]:
    """Which documents, in order, each once."""
    return list(dict.fromkeys(hit.document_id for hit in hits))

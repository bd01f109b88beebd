"""The index in memory that ships, and what the tests of loading need: it can be told to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from slipstream.fakes import passage_index
from slipstream.retrieval.document import Document
from slipstream.retrieval.ports import Failed, Generation, IndexSpec

SPEC = IndexSpec(dimensions=256)


class MemoryIndex(passage_index.MemoryIndex):
    """``before_write`` runs before each write, with its documents; it may raise."""

    def __init__(self) -> None:
        super().__init__()
        self.before_write: Callable[[Sequence[Document]], None] = lambda documents: None
        self.refuses: Callable[[Document], Failed | None] = lambda document: None
        self.unfits: Callable[[Document, Generation], str | None] = super().unfit
        self.writes: list[tuple[str, list[str]]] = []

    def unfit(self, document: Document, generation: Generation) -> str | None:
        """See DocumentIndex."""
        return self.unfits(document, generation)

    def write(
        self, index: str, documents: Iterable[Document], *, generation: str | None = None, if_absent: bool = False
    ) -> list[Failed]:
        """See DocumentIndex."""
        documents = list(documents)
        self.before_write(documents)
        refused = {document.id: why for document in documents if (why := self.refuses(document)) is not None}
        good = [document for document in documents if document.id not in refused]
        failed = super().write(index, good, generation=generation, if_absent=if_absent)
        self.writes.append((generation or "", [document.id for document in documents]))
        return [*refused.values(), *failed]

    def stored(self, index: str, generation: str) -> dict[str, Document]:
        """What one generation holds."""
        ids = list(self.versions(index, generation=generation))
        return {document.id: document for document in self.read(index, ids, generation=generation)}

    def documents(self, index: str = "docs") -> dict[str, Document]:
        """What searches would see."""
        return self.stored(index, next(each.name for each in self.generations(index) if each.live))

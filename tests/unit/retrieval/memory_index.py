"""An index in memory, with generations, for the tests of loading; it can be told to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import RLock

from slipstream.errors import IndexExists, IndexNotFound
from slipstream.retrieval.document import Document
from slipstream.retrieval.ports import Failed, Generation, IndexSpec

SPEC = IndexSpec(dimensions=256)


class MemoryIndex:
    """Implements DocumentIndex. ``before_write`` runs before each write, with its documents; it may raise."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._specs: dict[str, dict[str, IndexSpec]] = {}
        self._live: dict[str, str] = {}
        self.stored: dict[str, dict[str, Document]] = {}
        self.before_write: Callable[[Sequence[Document]], None] = lambda documents: None
        self.refuses: Callable[[Document], Failed | None] = lambda document: None
        self.writes: list[tuple[str, list[str]]] = []
        self.reads = 0

    def create(self, index: str, spec: IndexSpec) -> Generation:
        if index in self._specs:
            raise IndexExists(f"there is an index '{index}'")
        self._specs[index] = {}
        made = self.begin_generation(index, spec)
        self._live[index] = made.name
        return self.generations(index)[0]

    def names(self) -> list[str]:
        return sorted(self._specs)

    def generations(self, index: str) -> list[Generation]:
        with self._lock:
            if index not in self._specs:
                raise IndexNotFound(f"there is no index '{index}'")
            return [
                Generation(name, spec, len(self.stored[name]), self._live.get(index) == name)
                for name, spec in self._specs[index].items()
            ]

    def begin_generation(self, index: str, spec: IndexSpec) -> Generation:
        with self._lock:
            last = max((int(name.rpartition("-")[2]) for name in self._specs[index]), default=0)
            name = f"{index}-{last + 1:06d}"
            self._specs[index][name] = spec
            self.stored[name] = {}
            return Generation(name, spec, 0, False)

    def promote(self, index: str, generation: str) -> None:
        with self._lock:
            self._live[index] = generation
            for name in list(self._specs[index]):
                if name < generation:
                    del self._specs[index][name], self.stored[name]

    def write(
        self, index: str, documents: Iterable[Document], *, generation: str | None = None, if_absent: bool = False
    ) -> list[Failed]:
        documents = list(documents)
        self.before_write(documents)
        with self._lock:
            name = self._place(index, generation)
            size = self._specs[index][name].dimensions
            failed = []
            for document in documents:
                assert all(len(passage.vector) == size for passage in document.passages), "a vector of another spec"
                if (refused := self.refuses(document)) is not None:
                    failed.append(refused)
                elif not (if_absent and document.id in self.stored[name]):
                    self.stored[name][document.id] = document
            self.writes.append((name, [document.id for document in documents]))
            return failed

    def delete(self, index: str, document_ids: Sequence[str], *, generation: str | None = None) -> None:
        with self._lock:
            for name in [generation] if generation else list(self._specs[index]):
                for document_id in document_ids:
                    self.stored[name].pop(document_id, None)

    def versions(
        self,
        index: str,
        document_ids: Sequence[str] | None = None,
        *,
        generation: str | None = None,
        origin: str | None = None,
    ) -> Mapping[str, str]:
        with self._lock:
            return {
                document.id: document.version
                for document in self.stored[self._place(index, generation)].values()
                if (document_ids is None or document.id in document_ids) and origin in (None, document.origin)
            }

    def read(self, index: str, document_ids: Sequence[str], *, generation: str | None = None) -> list[Document]:
        with self._lock:
            self.reads += 1
            there = self.stored[self._place(index, generation)]
            return [there[document_id] for document_id in document_ids if document_id in there]

    def refresh(self, index: str) -> None:
        """Nothing waits here."""

    def drop(self, index: str) -> None:
        with self._lock:
            for generation in self.generations(index):
                del self.stored[generation.name]
            del self._specs[index], self._live[index]

    def _place(self, index: str, generation: str | None) -> str:
        self.generations(index)
        name = generation or self._live[index]
        if name not in self.stored:
            raise IndexNotFound(f"there is no generation '{name}'")
        return name

    def documents(self, index: str = "docs") -> dict[str, Document]:
        """What searches would see."""
        return self.stored[self._live[index]]

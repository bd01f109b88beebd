"""A search engine in memory, for tests, for evaluation, and for hosts without an engine.

It answers as the engine does: same analysis, BM25 and filters, cosines exact. What is written is seen at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from threading import RLock
from time import perf_counter
from typing import Any

import msgspec

from slipstream.disconnect import Disconnect
from slipstream.errors import IndexExists, IndexNotFound, IndexReadOnly, InvalidRequest, UpstreamUnavailable
from slipstream.fakes.generation import MemoryGeneration
from slipstream.retrieval import index_name
from slipstream.retrieval.document import Document
from slipstream.retrieval.ports import Failed, Generation, Held, IndexSpec, Kept
from slipstream.retrieval.question.acronyms import Meaning, merged
from slipstream.retrieval.search import EngineQuery, Hit, Legs
from slipstream.telemetry.waterfall import Waterfall


class _Index:
    def __init__(self) -> None:
        self.generations: dict[str, MemoryGeneration] = {}
        self.live = ""
        self.kept = Kept()
        self.begun = 0


class MemoryIndex:
    """A PassageIndex and a DocumentIndex, safe for threads.

    ``down`` names legs that give nothing back, ``read_only`` indexes that take no writes: what a test wants to see.
    """

    def __init__(self) -> None:
        self._indexes: dict[str, _Index] = {}
        self._lock = RLock()
        self.down: set[str] = set()
        self.read_only: set[str] = set()

    def search(self, index: str, query: EngineQuery, waterfall: Waterfall, disconnect: Disconnect) -> Legs:
        """See PassageIndex."""
        del disconnect
        with waterfall.span("search"), self._lock:
            found = self._of(index)
            generation = found.generations[found.live]
            asked = {"lexical": bool(query.text.strip() or query.expansions), "dense": bool(query.vector)}
            missing = tuple(name for name, wanted in asked.items() if wanted and name in self.down)
            if missing and len(missing) == sum(asked.values()):
                raise UpstreamUnavailable("no leg of the search gave an answer; try again")
            hits: dict[str, tuple[Hit, ...]] = {}
            engine_ms: dict[str, float] = {}
            for name, leg in (("lexical", generation.lexical), ("dense", generation.dense)):
                if asked[name] and name not in missing:
                    began_s = perf_counter()
                    hits[name] = tuple(leg(query))
                    engine_ms[name] = (perf_counter() - began_s) * 1000
            any_hit = any(hits.values())
            return Legs(
                hits.get("lexical", ()), hits.get("dense", ()), missing, engine_ms, found.live if any_hit else ""
            )

    def describe(self, index: str, waterfall: Waterfall, disconnect: Disconnect) -> Generation:
        """See PassageIndex."""
        del waterfall, disconnect
        with self._lock:
            found = self._of(index)
            return Generation(found.live, found.generations[found.live].spec, None, live=True, kept=found.kept)

    def create(self, index: str, spec: IndexSpec) -> Generation:
        """See DocumentIndex."""
        index_name.check_new(index)
        _check_spec(spec)
        with self._lock:
            if index in self._indexes:
                raise IndexExists(f"there is an index '{index}' already: choose another name or drop it first")
            self._indexes[index] = _Index()
            return self._begin(index, spec, live=True)

    def names(self) -> list[str]:
        """See DocumentIndex."""
        with self._lock:
            return sorted(self._indexes)

    def generations(self, index: str, *, counted: bool = True) -> list[Generation]:
        """See DocumentIndex."""
        with self._lock:
            found = self._of(index)
            return [
                Generation(
                    name, each.spec, len(each.documents) if counted else None, live=name == found.live, kept=found.kept
                )
                for name, each in sorted(found.generations.items())
            ]

    def begin_generation(self, index: str, spec: IndexSpec) -> Generation:
        """See DocumentIndex."""
        _check_spec(spec)
        with self._lock:
            self._of(index)
            return self._begin(index, spec, live=False)

    def promote(self, index: str, generation: str) -> None:
        """See DocumentIndex."""
        with self._lock:
            found = self._of(index)
            self._generation(index, generation)
            found.live = generation
            found.generations = {name: each for name, each in found.generations.items() if name >= generation}

    def write(
        self, index: str, documents: Iterable[Document], *, generation: str | None = None, if_absent: bool = False
    ) -> list[Failed]:
        """See DocumentIndex. Raises IndexReadOnly."""
        self._writable(index)
        failed: list[Failed] = []
        for document in documents:
            with self._lock:
                target = self._generation(index, generation)
                if if_absent and document.id in target.documents:
                    continue
                try:
                    target.put(document)
                except InvalidRequest as error:
                    failed.append(Failed(document.id, error.message, retryable=False))
        return failed

    def unfit(self, document: Document, generation: Generation) -> str | None:
        """See DocumentIndex. Memory has no limit of its own."""
        del document, generation
        return None

    def delete(self, index: str, document_ids: Sequence[str], *, generation: str | None = None) -> None:
        """See DocumentIndex. Raises IndexReadOnly."""
        self._writable(index)
        with self._lock:
            found = self._of(index)
            targets = [self._generation(index, generation)] if generation else list(found.generations.values())
            for target in targets:
                for document_id in document_ids:
                    target.remove(document_id)

    def versions(
        self, index: str, document_ids: Sequence[str] | None = None, *, generation: str | None = None,
        origin: str | None = None, after: str = "", limit: int | None = None,
    ) -> Mapping[str, str]:  # fmt: skip
        """See DocumentIndex."""
        with self._lock:
            documents = self._generation(index, generation).documents
            asked = documents if document_ids is None else [each for each in document_ids if each in documents]
            found = {i: documents[i].version for i in asked if origin is None or documents[i].origin == origin}
            if document_ids is not None:
                return found
            return dict(islice(((i, found[i]) for i in sorted(found) if i > after), limit))

    def held(self, index: str, document_ids: Sequence[str], *, generation: str | None = None) -> Mapping[str, Held]:
        """See DocumentIndex."""
        return {
            each.id: Held(each.version, each.origin) for each in self.read(index, document_ids, generation=generation)
        }

    def read(self, index: str, document_ids: Sequence[str], *, generation: str | None = None) -> list[Document]:
        """See DocumentIndex."""
        with self._lock:
            documents = self._generation(index, generation).documents
            return [documents[each] for each in document_ids if each in documents]

    def refresh(self, index: str) -> None:
        """See DocumentIndex."""
        with self._lock:
            self._of(index)

    def set_ranking(self, index: str, ranking: Mapping[str, Any] | None) -> None:
        """See DocumentIndex."""
        given = None if ranking is None else dict(ranking)
        self._keep(index, lambda kept: msgspec.structs.replace(kept, ranking=given))

    def set_synonyms(self, index: str, rules: Sequence[str]) -> None:
        """See DocumentIndex."""
        self._keep(index, lambda kept: msgspec.structs.replace(kept, synonyms=tuple(rules)))

    def learn(self, index: str, acronyms: Mapping[str, Meaning]) -> None:
        """See DocumentIndex."""
        self._keep(index, lambda kept: msgspec.structs.replace(kept, learnt=merged(kept.learnt, acronyms)))

    def _keep(self, index: str, change: Callable[[Kept], Kept]) -> None:
        with self._lock:
            found = self._of(index)
            found.kept = change(found.kept)

    def drop(self, index: str) -> None:
        """See DocumentIndex."""
        with self._lock:
            self._of(index)
            del self._indexes[index]

    def _begin(self, index: str, spec: IndexSpec, *, live: bool) -> Generation:
        found = self._indexes[index]
        found.begun += 1
        name = f"{index}-{found.begun:06}"
        found.generations[name] = MemoryGeneration(spec)
        if live:
            found.live = name
        return Generation(name, spec, 0, live=live, kept=found.kept)

    def _of(self, index: str) -> _Index:
        found = self._indexes.get(index)
        if found is None:
            raise IndexNotFound(f"there is no index '{index}': make it with `slipstream index create {index}`")
        return found

    def _generation(self, index: str, generation: str | None) -> MemoryGeneration:
        found = self._of(index)
        target = found.generations.get(generation or found.live)
        if target is None:
            raise IndexNotFound(f"there is no generation '{generation}' of the index '{index}'")
        return target

    def _writable(self, index: str) -> None:
        self._of(index)
        if index in self.read_only:
            raise IndexReadOnly(f"the index '{index}' takes no writes now")


def _check_spec(spec: IndexSpec) -> None:
    if spec.engine != "lucene":
        raise InvalidRequest(
            "this engine has no faiss library: use engine lucene here, faiss on a domain", param="engine",
            code="engine_without_faiss",
        )  # fmt: skip

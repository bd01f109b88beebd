"""A document index whose changes end the answers that rest on what changed, before the engine shows them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from slipstream.caching.store import LONGEST_S, SKEW_S, AnswerStore, Mark
from slipstream.caching.watching import Record, Watching
from slipstream.retrieval.document import Document
from slipstream.retrieval.ports import DocumentIndex, Failed, Generation, Held, IndexSpec
from slipstream.retrieval.question.acronyms import Meaning

GONE = ""
"""Version of a document that is not there: no answer rests on it."""


class MarkingIndex:
    """A DocumentIndex over another one. A mark that cannot be put fails the change: nothing stale is ever served.

    What is written also ends answers that rest on other documents, where it would now be found for them: that is
    reckoned, and fails no change. ``clock`` gives Unix time (s).
    """

    def __init__(
        self,
        index: DocumentIndex,
        answers: AnswerStore,
        *,
        clock: Callable[[], float] = time.time,
        record: Record = lambda counts, index: None,
    ) -> None:
        self._index = index
        self._answers = answers
        self._clock = clock
        self._watching = Watching(answers, clock, record)

    def write(
        self,
        index: str,
        documents: Iterable[Document],
        *,
        generation: str | None = None,
        if_absent: bool = False,
    ) -> list[Failed]:
        """See DocumentIndex. What a re-index copies is no change; of anything else searches know on return."""
        documents = list(documents)
        if if_absent:
            return self._index.write(index, documents, generation=generation, if_absent=True)
        self._mark(index, {document.id: Mark(document.version) for document in documents})
        failed = self._index.write(index, documents, generation=generation)
        refused = {each.document_id for each in failed}
        self._arrived(index, generation, [document for document in documents if document.id not in refused])
        return failed

    def _arrived(self, index: str, generation: str | None, documents: Sequence[Document]) -> None:
        if not any(passage.vector for document in documents for passage in document.passages):
            return

        def shown() -> str:
            self._index.refresh(index)
            if generation is not None:
                return generation
            return next(each.name for each in self._index.generations(index, counted=False) if each.live)

        self._watching.arrived(index, documents, shown)

    def delete(self, index: str, document_ids: Sequence[str], *, generation: str | None = None) -> None:
        """See DocumentIndex. What leaves one generation only is no change."""
        if generation is None:
            self._mark(index, {document_id: Mark(GONE) for document_id in document_ids})
        self._index.delete(index, document_ids, generation=generation)

    def drop(self, index: str) -> None:
        """See DocumentIndex. Ends every answer over the index, and those that are being made."""
        self._index.drop(index)
        self._mark(index, {"": Mark(None, self._clock() + SKEW_S)})

    def _mark(self, index: str, marks: Mapping[str, Mark]) -> None:
        self._answers.mark(index, marks, until_s=self._clock() + LONGEST_S)

    # -- what changes no document

    def create(self, index: str, spec: IndexSpec) -> Generation:
        """See DocumentIndex."""
        return self._index.create(index, spec)

    def generations(self, index: str, *, counted: bool = True) -> list[Generation]:
        """See DocumentIndex."""
        return self._index.generations(index, counted=counted)

    def names(self) -> list[str]:
        """See DocumentIndex."""
        return self._index.names()

    def begin_generation(self, index: str, spec: IndexSpec) -> Generation:
        """See DocumentIndex."""
        return self._index.begin_generation(index, spec)

    def promote(self, index: str, generation: str) -> None:
        """See DocumentIndex."""
        self._index.promote(index, generation)

    def versions(
        self,
        index: str,
        document_ids: Sequence[str] | None = None,
        *,
        generation: str | None = None,
        origin: str | None = None,
        after: str = "",
        limit: int | None = None,
    ) -> Mapping[str, str]:
        """See DocumentIndex."""
        return self._index.versions(index, document_ids, generation=generation, origin=origin, after=after, limit=limit)

    def held(self, index: str, document_ids: Sequence[str], *, generation: str | None = None) -> Mapping[str, Held]:
        """See DocumentIndex."""
        return self._index.held(index, document_ids, generation=generation)

    def unfit(self, document: Document, generation: Generation) -> str | None:
        """See DocumentIndex."""
        return self._index.unfit(document, generation)

    def read(self, index: str, document_ids: Sequence[str], *, generation: str | None = None) -> list[Document]:
        """See DocumentIndex."""
        return self._index.read(index, document_ids, generation=generation)

    def refresh(self, index: str) -> None:
        """See DocumentIndex."""
        self._index.refresh(index)

    def set_synonyms(self, index: str, rules: Sequence[str]) -> None:
        """See DocumentIndex. They are part of an answer's key."""
        self._index.set_synonyms(index, rules)

    def learn(self, index: str, acronyms: Mapping[str, Meaning]) -> None:
        """See DocumentIndex. What documents explain changes no answer that rests on others."""
        self._index.learn(index, acronyms)

    def set_ranking(self, index: str, ranking: Mapping[str, Any] | None) -> None:
        """See DocumentIndex. The ranking is part of an answer's key."""
        self._index.set_ranking(index, ranking)

"""Writes into an index's generations, and tries again what an engine refuses for a while only."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from slipstream.errors import IndexNotFound, SlipstreamError
from slipstream.retrieval.document import Document, explained
from slipstream.retrieval.ports import DocumentIndex, Failed, Generation, Held
from slipstream.retrieval.question import acronyms

ATTEMPTS = 8
LAST_WRITES_S = 3.0
"""Past the deadline of a load, in which what is embedded, and paid for, may still be written."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 10.0
T = TypeVar("T")


class _Patience:
    """The waits of one piece of work: all of its calls share the attempts, and none is made beyond the deadline."""

    def __init__(self, sleep: Callable[[float], None], clock: Callable[[], float], deadline_s: float | None) -> None:
        self._sleep = sleep
        self._clock = clock
        self._deadline_s = deadline_s
        self._attempt = 0

    def another(self, asked_s: float | None = None) -> bool:
        """Wait for the next attempt; False, at once, where there is none or the deadline would pass meanwhile."""
        wait_s = _wait_s(self._attempt, asked_s)
        self._attempt += 1
        if self._attempt >= ATTEMPTS:
            return False
        if self._deadline_s is not None and self._clock() + wait_s >= self._deadline_s:
            return False
        self._sleep(wait_s)
        return True


class Writing:
    """One index as a load sees it. Every call waits out throttles and short outages before it raises.

    Beyond ``deadline_s`` (of ``clock``) nothing is waited for or tried again; what is ready is still sent once.
    """

    def __init__(
        self,
        index: DocumentIndex,
        name: str,
        *,
        deadline_s: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._index = index
        self._name = name
        self._sleep = sleep
        self._clock = clock
        self._deadline_s = deadline_s

    def targets(self) -> list[Generation]:
        """Where documents have to go: the live generation and those that are filled beside it. Raises IndexNotFound."""
        found = self._patiently(lambda: self._index.generations(self._name, counted=False))
        live = next((at for at, generation in enumerate(found) if generation.live), 0)
        return found[live:]

    def held(self, document_ids: Sequence[str], generation: str) -> Mapping[str, Held]:
        """Version and origin of the documents that stand there; none in a generation that is gone."""
        return (
            self._unless_gone(generation, lambda: self._index.held(self._name, document_ids, generation=generation))
            or {}
        )

    def read(self, document_ids: Sequence[str], generation: str) -> list[Document]:
        """Documents with their vectors; none from a generation that is gone."""
        return (
            self._unless_gone(generation, lambda: self._index.read(self._name, document_ids, generation=generation))
            or []
        )

    def write(self, documents: Sequence[Document], generation: str, *, if_absent: bool = False) -> list[Failed] | None:
        """What was refused for good; None: the generation is gone, another one has taken its place.

        Raises IndexNotFound where the whole index is gone.
        """
        left, refused, patience = {document.id: document for document in documents}, list[Failed](), self._patience()
        while True:
            failed = self._unless_gone(generation, self._call(tuple(left.values()), generation, if_absent), patience)
            if failed is None:
                return None
            again = [one for one in failed if one.retryable]
            if not again or not patience.another():
                return refused + failed
            refused += [one for one in failed if not one.retryable]
            left = {one.document_id: left[one.document_id] for one in again}

    def unfit(self, document: Document, generation: Generation) -> str | None:
        """See DocumentIndex."""
        return self._index.unfit(document, generation)

    def delete(self, document_ids: Sequence[str], generation: str | None = None) -> None:
        """Take documents out of ``generation`` (None: of all)."""
        self._patiently(lambda: self._index.delete(self._name, document_ids, generation=generation))

    def learn(self, documents: Iterable[Document]) -> None:
        """Keep the acronyms that the documents explain with the index. Raises IndexNotFound."""
        if found := acronyms.learn(text for document in documents for text in explained(document)):
            self._patiently(lambda: self._index.learn(self._name, found))

    def _patience(self) -> _Patience:
        return _Patience(self._sleep, self._clock, self._deadline_s)

    def _call(self, documents: Sequence[Document], generation: str, if_absent: bool) -> Callable[[], list[Failed]]:
        return lambda: self._index.write(self._name, documents, generation=generation, if_absent=if_absent)

    def _unless_gone(self, generation: str, call: Callable[[], T], patience: _Patience | None = None) -> T | None:
        """The call's answer; None where another generation has taken the place of this one."""
        try:
            return self._patiently(call, patience)
        except IndexNotFound:
            if any(target.name == generation for target in self.targets()):
                raise
            return None

    def _patiently(self, call: Callable[[], T], patience: _Patience | None = None) -> T:
        patience = patience or self._patience()
        while True:
            try:
                return call()
            except SlipstreamError as error:
                if not error.retryable or not patience.another(error.retry_after_s):
                    raise


def _wait_s(attempt: int, asked_s: float | None) -> float:
    longest: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt)
    return max(asked_s or 0.0, longest * random.uniform(0.5, 1.0))  # noqa: S311

"""Documents that arrive in an index, against the answers that are kept over it: what would now be found ends them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock

from slipstream.caching.store import LONGEST_S, SKEW_S, AnswerStore, Mark, Watch, arrivals_of
from slipstream.errors import SlipstreamError
from slipstream.retrieval.arrivals import Arrival, Question
from slipstream.retrieval.document import Document

MOST_WATCHES = 5_000
"""Answers of one generation that are compared, some 8 MB: of more, an arrival ends the oldest unseen."""
Record = Callable[[dict[str, float], str], None]
"""Takes counts, and the index that they are of."""


class Watching:
    """Built once an environment. What it has read of kept answers it remembers, and reads what is new each time."""

    def __init__(self, answers: AnswerStore, clock: Callable[[], float], record: Record) -> None:
        """``clock`` gives Unix time (s)."""
        self._answers = answers
        self._clock = clock
        self._record = record
        self._known: dict[str, dict[str, tuple[Watch, Question]]] = {}
        self._read_s: dict[str, float] = {}
        self._reading = Lock()

    def arrived(self, index: str, documents: Sequence[Document], shown: Callable[[], str]) -> None:
        """End the answers that one of ``documents`` would now be found for. Raises nothing of a store or an index.

        ``shown`` lets searches see them, and gives the generation that they are in. Only then is the arrival marked and
        are answers looked at: one that is being made lets itself be watched and looks for arrivals since it was asked
        for, so that one of the two sides sees the other. Where the answers cannot be read all over the index end; where
        that cannot be told either, it is counted.
        """
        try:
            generation = shown()
            place, mark = arrivals_of(index)
            self._mark(place, mark, self._clock())
            ended = self._ended(index, generation, documents)
        except SlipstreamError:
            self._fail(index)
            return
        if ended:
            self._record({"answers_ended_by_arrivals": float(ended)}, index)

    def _ended(self, index: str, generation: str, documents: Sequence[Document]) -> int:
        with self._reading:
            known = list(self._refreshed(index, generation).values())
        arrivals = [Arrival(document) for document in documents] if known else []
        reached = [watch for watch, question in known if any(question.reached_by(each) for each in arrivals)]
        for watch in reached:
            self._answers.drop(watch.place, watch.entry_id)
            self._answers.unwatch(watch)
            self._known[generation].pop(watch.entry_id, None)
        return len(reached)

    def _refreshed(self, index: str, generation: str) -> dict[str, tuple[Watch, Question]]:
        """What is kept over ``generation`` now. What was kept within ``SKEW_S`` before the last look is read again."""
        now_s = self._clock()
        since_s = max(0.0, self._read_s.get(generation, 0.0) - SKEW_S)
        found = self._answers.watches(generation, since_s=since_s, limit=MOST_WATCHES)
        known = self._known.setdefault(generation, {})
        known.update((one.entry_id, (one, Question(one.bar))) for one in found if one.entry_id not in known)
        for entry_id in [entry_id for entry_id, (watch, _) in known.items() if watch.expires_s <= now_s]:
            del known[entry_id]
        if len(known) >= MOST_WATCHES:
            *newest, next_one = sorted(known, reverse=True)[:MOST_WATCHES]
            self._mark(index, "", known[next_one][0].kept_s)
            known = self._known[generation] = {entry_id: known[entry_id] for entry_id in newest}
        self._read_s[generation] = now_s
        return known

    def _fail(self, index: str) -> None:
        failed = {"arrivals_unchecked": 1.0}
        with suppress(SlipstreamError):
            self._mark(index, "", self._clock() + SKEW_S)
            failed = {"arrivals_ended_all": 1.0}
        self._record(failed, index)

    def _mark(self, index: str, document: str, after_s: float) -> None:
        self._answers.mark(index, {document: Mark(None, after_s)}, until_s=self._clock() + LONGEST_S)

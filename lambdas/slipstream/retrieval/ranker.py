"""Both legs' passages in, the few that are given back out: fuse, adjust, re-rank, choose."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from slipstream.chat.retrieval_options import RetrievalOptions
from slipstream.retrieval.candidates import Candidate, candidates
from slipstream.retrieval.evidence import Values, of_legs
from slipstream.retrieval.fusion import fused
from slipstream.retrieval.parameters import Parameters, less_lexical
from slipstream.retrieval.question.prepare import Prepared
from slipstream.retrieval.ranking import Ranked, Ranking, SecondLook
from slipstream.retrieval.rerank import LocalReranker, Reranker
from slipstream.retrieval.scoring import adjustments, allowed, place
from slipstream.retrieval.search import Hit, Legs
from slipstream.retrieval.selection import select

PASSAGES = 5
FOREIGN_TRUST = 0.5
"""What shared words count where the question is in another language than the index: names and numbers are the same in
both, but a word of the one may be another one of the other (German ``die``, English ``die``)."""
RERANK_LIMIT_MS = 50.0
"""Many times what the local re-ranker takes; a service is given its own."""


class Ranker:
    """Ranks by ``parameters``. ``reranker`` None: the local one with the same parameters."""

    def __init__(
        self,
        parameters: Parameters,
        reranker: Reranker | None = None,
        *,
        rerank_limit_ms: float = RERANK_LIMIT_MS,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._parameters = parameters
        self._less_lexical = less_lexical(parameters, FOREIGN_TRUST)
        self._reranker = reranker or LocalReranker(parameters)
        self._foreign_reranker = reranker or LocalReranker(self._less_lexical)
        self._limit_ms = rerank_limit_ms
        self._now_s = now_s

    def rank(self, question: Prepared, legs: Legs, options: RetrievalOptions) -> Ranking:
        """The passages asked for, best first. Empty where no leg found anything that is allowed."""
        ordered, stages, look = self._order(question, legs, options)
        chosen = select(
            ordered,
            options.passages or PASSAGES,
            second_passage=self._parameters.second_passage,
            alike=self._parameters.alike,
            pinned=sum(one.document_id in options.pinned for one, _ in ordered),
        )
        passages = tuple(Ranked(hit, score, _told(one, hit, stages[one.document_id])) for one, hit, score in chosen)
        return Ranking(passages, look)

    def documents(self, question: Prepared, legs: Legs, options: RetrievalOptions) -> list[str]:
        """All documents that the legs found, in the final order, before passages are chosen: what evaluation judges."""
        return [one.document_id for one, _ in self._order(question, legs, options)[0]]

    def _order(
        self, question: Prepared, legs: Legs, options: RetrievalOptions
    ) -> tuple[list[tuple[Candidate, float]], dict[str, dict[str, float]], SecondLook]:
        found = allowed(candidates(legs), options)
        by_legs = of_legs(question.text, found)
        first = fused(by_legs, self._less_lexical if question.foreign else self._parameters)
        again, look = self._again(question, found, by_legs, first, options)
        added = adjustments(found, options, self._now_s())
        stages = {one.document_id: {"fused": score} for one, score in zip(found, first, strict=True)}
        if again is not None:
            for one, score in zip(found, again, strict=True):
                stages[one.document_id]["reranked"] = score
        final = [score + more for score, more in zip(first if again is None else again, added, strict=True)]
        ordered = sorted(
            zip(found, final, strict=True),
            key=lambda pair: (place(pair[0].document_id, options), -pair[1], pair[0].document_id),
        )
        return ordered, stages, look

    def _again(
        self, question: Prepared, found: Sequence[Candidate], by_legs: Sequence[Values], fused_scores: Sequence[float],
        options: RetrievalOptions,
    ) -> tuple[list[float] | None, SecondLook]:  # fmt: skip
        """The re-ranker's scores, or None; and why."""
        if options.rerank == "off":
            return None, SecondLook("off")
        if len(found) < 2:
            return None, SecondLook("few")
        first, second = sorted(fused_scores, reverse=True)[:2]
        margin = self._parameters.skip_margin if options.rerank_margin is None else options.rerank_margin
        if first - second >= margin:
            return None, SecondLook("sure", first - second, margin)
        reranker = self._foreign_reranker if question.foreign else self._reranker
        scores = reranker.scores(question, found, by_legs, self._limit_ms)
        return scores, SecondLook("late" if scores is None else "done", first - second, margin)


def _told(one: Candidate, hit: Hit, scores: dict[str, float]) -> dict[str, float]:
    """What the stages thought of the passage; a stage that did not see it is missing."""
    told = {
        "bm25": one.bm25s.get(hit.ordinal),
        "document_bm25": one.document_bm25,
        "cosine": one.cosines.get(hit.ordinal),
        "lexical_rank": one.lexical_rank,
        "dense_rank": one.dense_rank,
        **scores,
    }
    return {name: float(value) for name, value in told.items() if value is not None}

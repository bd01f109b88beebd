"""The second look: candidates in an order that reads their passages, not only their scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Protocol

from slipstream.retrieval.candidates import Candidate
from slipstream.retrieval.evidence import TextEvidence, Values
from slipstream.retrieval.parameters import Parameters, weighed
from slipstream.retrieval.question.prepare import Prepared


class Reranker(Protocol):
    """Scores candidates anew. Local, or a service behind the same call."""

    def scores(
        self, question: Prepared, found: Sequence[Candidate], by_legs: Sequence[Values], time_limit_ms: float
    ) -> list[float] | None:
        """One score a candidate, higher is better; None: not done within the limit, the fused order stands.

        ``by_legs`` is what ``evidence.of_legs`` says of each candidate, as the fusion had it. Scores are log odds, as
        the fused ones: the owner's adjustments are added to them.
        """
        ...


class LocalReranker:
    """Reads the passages' words: which of the question's they hold, how near each other, in title and headings."""

    def __init__(self, parameters: Parameters, clock: Callable[[], float] = perf_counter) -> None:
        self._parameters = parameters
        self._clock = clock

    def scores(
        self, question: Prepared, found: Sequence[Candidate], by_legs: Sequence[Values], time_limit_ms: float
    ) -> list[float] | None:
        """Takes a millisecond or a few; looks at the clock between candidates."""
        ends = self._clock() + time_limit_ms / 1000
        reading = TextEvidence(question.text, question.identifiers, found)
        scores = []
        for one, values in zip(found, by_legs, strict=True):
            if self._clock() > ends:
                return None
            scores.append(weighed(self._parameters.rerank, {**values, **reading.of(one)}))
        return scores

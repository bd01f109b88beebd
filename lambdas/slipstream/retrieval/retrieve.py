"""From a question to its passages: prepare → embed → both legs in one round trip → rank → five passages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import NamedTuple, Protocol

from slipstream.beside import Beside
from slipstream.chat.retrieval_options import Boosts, Filter, RetrievalOptions
from slipstream.disconnect import Disconnect
from slipstream.errors import InvalidRequest
from slipstream.models.embedding import Embedder
from slipstream.models.targets import Target
from slipstream.retrieval.described import Described, Descriptions
from slipstream.retrieval.ports import Generation, PassageIndex
from slipstream.retrieval.question import followup
from slipstream.retrieval.question.clean import normalized
from slipstream.retrieval.question.prepare import Prepared, prepare
from slipstream.retrieval.question.rewrite import Rewritten
from slipstream.retrieval.question.vector import EMBED_LIMIT_S, QuestionVectors
from slipstream.retrieval.ranker import Ranker
from slipstream.retrieval.ranking import Found
from slipstream.retrieval.rerank import Reranker
from slipstream.retrieval.search import EngineQuery, Legs
from slipstream.telemetry.waterfall import Waterfall

RERANK_LIMIT_MS = 500.0
"""What a re-ranking service may take before the fused order is used."""
REFRESHES_AT_ONCE = 4
"""Of descriptions of indexes, on threads of their own: what an embedding model does is nothing to them."""


class Rewriter(Protocol):
    """Makes a question that leans on others stand alone."""

    @property
    def target_id(self) -> str:
        """The model that is asked: another one may say something else."""
        ...

    def rewrite(self, question: str, earlier: Sequence[str], disconnect: Disconnect) -> Rewritten:
        """Within a time limit of its own. Raises ClientGone, and nothing else."""
        ...


class _Asked(NamedTuple):
    """What the legs gave, the question's vector, and why there was none; empty: there was."""

    legs: Legs
    vector: tuple[float, ...]
    unembedded: str


class Retriever:
    """Built once an environment; safe to share between threads."""

    def __init__(
        self,
        *,
        index: PassageIndex,
        embedder: Embedder,
        target: Callable[[str], Target],
        reranker: Reranker | None = None,
        rewriter: Rewriter | None = None,
        clock: Callable[[], float] = perf_counter,
        embed_limit_s: float = EMBED_LIMIT_S,
        leg_timeout_ms: int | None = None,
    ) -> None:
        """``target`` finds an embedding model by its id; ``reranker`` is asked where a request wants a service's, and
        ``rewriter`` makes follow-up questions stand alone; without one, a rule does. ``leg_timeout_ms`` is what a leg
        may take where a request does not say; None: as long as the engine's port waits.
        """
        self._index = index
        self._reranker = reranker
        self._leg_timeout_ms = leg_timeout_ms
        self._rewriter = rewriter
        self._vectors = QuestionVectors(embedder, target, limit_s=embed_limit_s, clock=clock)
        self._described = Descriptions(index, clock, Beside(REFRESHES_AT_ONCE).start)

    def find(
        self,
        index: str,
        question: str,
        earlier: Sequence[str],
        options: RetrievalOptions,
        waterfall: Waterfall,
        disconnect: Disconnect,
    ) -> Found:
        """The passages that answer ``question``, best first. Raises IndexNotFound, InvalidRequest, or what the engine
        says where no leg answered.
        """
        known = self._described.of(index, waterfall, disconnect)  # first: what is wrong with the index is told at once
        rewritten = self._rewritten(question, earlier, options, waterfall, disconnect)
        with waterfall.span("prepare"):
            alone = rewritten.text if rewritten is not None else ""
            prepared = prepare(
                question,
                earlier,
                vocabulary=known.vocabulary,
                rewritten=alone,
                off=frozenset(options.off),
                language=known.generation.spec.language,
            )
        if not prepared.text:
            raise InvalidRequest("the question is empty", param="query")
        asked, known = self._legs(index, known, prepared, options, waterfall, disconnect)
        legs, vector, unembedded = asked
        missing = ["dense"] if unembedded else []
        with waterfall.span("rank"):
            ranking = self._ranker(known, options).rank(prepared, legs, options)
        if ranking.second_look.outcome == "late":
            missing.append("rerank")
        return Found(
            index=index,
            generation=legs.generation or known.generation.name,
            question=prepared,
            passages=ranking.passages,
            missing=(*missing, *(leg for leg in legs.missing if leg not in missing)),
            notes=(unembedded,) if unembedded else (),
            second_look=ranking.second_look,
            rewritten=rewritten,
            vector=vector,
        )

    def describe(self, index: str, waterfall: Waterfall, disconnect: Disconnect) -> Generation:
        """What stands behind the alias, to within half a minute. Raises IndexNotFound."""
        return self._described.of(index, waterfall, disconnect).generation

    def rewritten_by(self, question: str, earlier: Sequence[str], options: RetrievalOptions) -> str:
        """The model that ``find`` would have such a question rewritten by; empty where it asks none."""
        asks = self._rewriter is not None and self._leans(question, earlier, options)
        return self._rewriter.target_id if asks and self._rewriter is not None else ""

    def _leans(self, question: str, earlier: Sequence[str], options: RetrievalOptions) -> bool:
        """Whether a model is to make the question stand alone."""
        if not earlier or "followup" in options.off or "rewrite" in options.off:
            return False
        return followup.leans(normalized(question), [normalized(text) for text in earlier])

    def _rewritten(
        self, question: str, earlier: Sequence[str], options: RetrievalOptions, waterfall: Waterfall,
        disconnect: Disconnect,
    ) -> Rewritten | None:  # fmt: skip
        """What the small model makes of a question that leans on others; None where it is not asked."""
        if self._rewriter is None or not self._leans(question, earlier, options):
            return None
        with waterfall.span("rewrite"):
            return self._rewriter.rewrite(normalized(question), [normalized(text) for text in earlier], disconnect)

    def _ranker(self, known: Described, options: RetrievalOptions) -> Ranker:
        if options.rerank != "bedrock":
            return known.ranker
        if self._reranker is None:
            raise InvalidRequest("this deployment has no re-ranking model; set rerank to local or off", param="rerank")
        return Ranker(known.parameters, self._reranker, rerank_limit_ms=RERANK_LIMIT_MS)

    def _legs(
        self,
        index: str,
        known: Described,
        prepared: Prepared,
        options: RetrievalOptions,
        waterfall: Waterfall,
        disconnect: Disconnect,
    ) -> tuple[_Asked, Described]:
        """What the legs found, and what is known of the generation that answered.

        An index may be swapped for one of another model at any time. What is remembered of it is then wrong, the
        question's vector with it: it is described anew and asked once more.
        """
        try:
            asked = self._ask(index, known.generation, prepared, options, waterfall, disconnect)
        except InvalidRequest:
            anew = self._described.anew(index, waterfall, disconnect)
            if anew.generation.name == known.generation.name:
                raise
        else:
            if asked.legs.generation in ("", known.generation.name):
                return asked, known
            anew = self._described.anew(index, waterfall, disconnect)
            if anew.generation.spec.vector_space == known.generation.spec.vector_space:
                return asked, anew
        return self._ask(index, anew.generation, prepared, options, waterfall, disconnect), anew

    def _ask(
        self,
        index: str,
        generation: Generation,
        prepared: Prepared,
        options: RetrievalOptions,
        waterfall: Waterfall,
        disconnect: Disconnect,
    ) -> _Asked:
        """The legs, with a vector of this generation's model."""
        with waterfall.span("embed"):
            vector, why = self._vectors.of(prepared.meaning, generation.spec, disconnect)
        query = engine_query(prepared, vector, options, self._leg_timeout_ms)
        return _Asked(self._index.search(index, query, waterfall, disconnect), vector, why)


def engine_query(
    prepared: Prepared, vector: tuple[float, ...], options: RetrievalOptions, leg_timeout_ms: int | None = None
) -> EngineQuery:
    """What the engine is asked; ``leg_timeout_ms`` counts where ``options`` name none."""
    filters = options.filters
    if options.excluded:
        filters = (*filters, Filter("id", any_of=options.excluded, exclude=True))
    return EngineQuery(
        text=prepared.text,
        vector=vector,
        phrases=prepared.phrases,
        expansions=prepared.expansions,
        filters=filters,
        boosts=options.boosts or Boosts(),
        timeout_ms=leg_timeout_ms if options.leg_timeout_ms is None else options.leg_timeout_ms,
    )

"""From a question to its passages: prepare → embed → both legs in one round trip → rank → five passages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from time import monotonic

from slipstream.chat.retrieval_options import RetrievalOptions
from slipstream.disconnect import Disconnect
from slipstream.errors import InvalidRequest, SlipstreamError
from slipstream.models.embedding import Embedder, embedding_call
from slipstream.models.targets import Target
from slipstream.retrieval.candidates import Candidate
from slipstream.retrieval.parameters import parameters_from, shipped
from slipstream.retrieval.ports import Generation, PassageIndex
from slipstream.retrieval.question.prepare import NOTHING_KNOWN, Prepared, Rewriter, prepare
from slipstream.retrieval.ranker import Ranker
from slipstream.retrieval.ranking import Found
from slipstream.retrieval.rerank import Reranker
from slipstream.retrieval.search import Boosts, EngineQuery, Filter
from slipstream.telemetry.waterfall import Waterfall

MOST_PASSAGES = 20
RERANK_LIMIT_MS = 500.0
"""What a re-ranking service may take before the fused order is used."""
EMBED_LIMIT_S = 1.0
"""A vector that takes longer is not waited for: the lexical leg serves alone, and the reply says so."""
DESCRIBED_FOR_S = 30.0
REMEMBERED_VECTORS = 2048
LOOKUP_THREADS = 4


class Retriever:
    """Built once an environment; safe to share between threads."""

    def __init__(
        self,
        *,
        index: PassageIndex,
        embedder: Embedder,
        target: Callable[[str], Target],
        reranker: Reranker | None = None,
        rewrite: Rewriter | None = None,
        clock: Callable[[], float] = monotonic,
        embed_limit_s: float = EMBED_LIMIT_S,
    ) -> None:
        """``target`` finds an embedding model by its id; ``reranker`` is asked where a request wants a service's, and
        ``rewrite`` makes follow-up questions stand alone.
        """
        self._index = index
        self._embedder = embedder
        self._target = target
        self._reranker = reranker
        self._rewrite = rewrite
        self._clock = clock
        self._embed_limit_s = embed_limit_s
        self._pool = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="lookup")
        self._described: dict[str, tuple[float, Generation]] = {}
        self._vectors: dict[tuple[str, int, str], tuple[float, ...]] = {}

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
        if options.passages is not None and not 1 <= options.passages <= MOST_PASSAGES:
            raise InvalidRequest(f"passages must lie between 1 and {MOST_PASSAGES}", param="passages")
        generation = self.describe(index, waterfall, disconnect)
        with waterfall.span("prepare"):
            prepared = prepare(
                question, earlier, vocabulary=NOTHING_KNOWN, rewrite=self._rewrite, off=frozenset(options.off)
            )
        if not prepared.text:
            raise InvalidRequest("the question is empty", param="query")
        missing: list[str] = []
        with waterfall.span("embed"):
            vector = self._vector(generation, prepared.meaning, disconnect, missing)
        legs = self._index.search(index, engine_query(prepared, vector, options), waterfall, disconnect)
        with waterfall.span("rank"):
            ranked = self._ranker(generation, options, missing).rank(prepared, legs, options)
        return Found(
            index=index,
            generation=legs.generation or generation.name,
            question=prepared,
            passages=ranked,
            missing=(*missing, *(leg for leg in legs.missing if leg not in missing)),
        )

    def _ranker(self, generation: Generation, options: RetrievalOptions, missing: list[str]) -> Ranker:
        """The index's own parameters where it was fitted, the shipped ones elsewhere."""
        fitted = generation.ranking
        parameters = shipped() if fitted is None else parameters_from(fitted)
        if options.rerank != "bedrock":
            return Ranker(parameters)
        if self._reranker is None:
            raise InvalidRequest("this deployment has no re-ranking model; set rerank to local or off", param="rerank")
        return Ranker(parameters, _Told(self._reranker, missing), rerank_limit_ms=RERANK_LIMIT_MS)

    def describe(self, index: str, waterfall: Waterfall, disconnect: Disconnect) -> Generation:
        """What stands behind the alias: asked the first time, afterwards refreshed behind the request."""
        now = self._clock()
        known = self._described.get(index)
        if known is None:
            generation = self._index.describe(index, waterfall, disconnect)
            self._described[index] = (now, generation)
            return generation
        if now - known[0] > DESCRIBED_FOR_S:
            self._described[index] = (now, known[1])  # one refresh at a time
            self._pool.submit(self._refresh, index)
        return known[1]

    def _refresh(self, index: str) -> None:
        from slipstream.disconnect import NEVER

        try:
            generation = self._index.describe(index, Waterfall(), NEVER)
        except SlipstreamError:
            self._described.pop(index, None)  # the next request asks, and tells its caller what is wrong
        else:
            self._described[index] = (self._clock(), generation)

    def _vector(
        self, generation: Generation, text: str, disconnect: Disconnect, missing: list[str]
    ) -> tuple[float, ...]:
        spec = generation.spec
        key = (spec.embedding_model, spec.dimensions, text)
        if (known := self._vectors.get(key)) is not None:
            return known
        call = embedding_call(self._target(spec.embedding_model), [text], spec.dimensions, "search_query")
        embedding: Future[tuple[float, ...]] = self._pool.submit(
            lambda: tuple(self._embedder.embed(call, Waterfall(), disconnect).vectors[0])
        )
        try:
            vector = embedding.result(self._embed_limit_s)
        except (Late, SlipstreamError):
            missing.append("dense")
            return ()
        if len(self._vectors) >= REMEMBERED_VECTORS:
            self._vectors.clear()
        self._vectors[key] = vector
        return vector


def engine_query(prepared: Prepared, vector: tuple[float, ...], options: RetrievalOptions) -> EngineQuery:
    """What the engine is asked."""
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
        timeout_ms=options.leg_timeout_ms,
    )


class _Told:
    """A re-ranker that notes in ``missing`` that it was late, so that the reply says which order it shows."""

    def __init__(self, reranker: Reranker, missing: list[str]) -> None:
        self._reranker = reranker
        self._missing = missing

    def scores(
        self, question: Prepared, found: Sequence[Candidate], fused: Sequence[float], time_limit_ms: float
    ) -> list[float] | None:
        """See Reranker."""
        scores = self._reranker.scores(question, found, fused, time_limit_ms)
        if scores is None:
            self._missing.append("rerank")
        return scores

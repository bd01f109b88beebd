"""What ``slipstream search profile`` does: each query step by step as the gateway does it, with a clock between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import msgspec

from cli.engine_access import Engine
from cli.query_file import Query, embed
from cli.target import Target
from cli.tuning_data import Progress
from slipstream.aws.index_inspection import Inspection
from slipstream.aws.search_query import NEIGHBOURS
from slipstream.chat.retrieval_options import DEFAULTS, RetrievalOptions
from slipstream.disconnect import NEVER
from slipstream.retrieval.described import described
from slipstream.retrieval.ports import Generation
from slipstream.retrieval.profiling.advice import Advice, advise
from slipstream.retrieval.profiling.figures import STAGES, Statistics, Timing, slowest
from slipstream.retrieval.question.prepare import prepare
from slipstream.retrieval.retrieve import engine_query
from slipstream.retrieval.search import LEG_SIZE, EngineQuery, Legs
from slipstream.telemetry.waterfall import Waterfall

SLOWEST = 5
FUSED = RetrievalOptions(rerank="off")


class Profile(msgspec.Struct, frozen=True):
    """``parts_ms``: of the slowest queries, by their texts, what each leg's time went into inside the engine."""

    statistics: Statistics
    advice: list[Advice]
    parts_ms: dict[str, dict[str, dict[str, float]]]


def profile(
    engine: Engine, index: str, queries: Sequence[Query], gateway: Callable[[], Target], progress: Progress
) -> Profile:
    """Each query twice: the first time shows what is cold, the second is what counts. Raises what the engine says."""
    inspection = Inspection(engine.client)
    live = next(each for each in engine.documents.generations(index) if each.live)
    asking = _Asking(engine, index, live, gateway, inspection.round_trip_ms())
    before = inspection.counters(index)
    first = []
    for number, query in enumerate(queries, 1):
        first.append(asking.once(query, {}))
        progress("first time", number, len(queries))
    timings = []
    for number, (query, earlier) in enumerate(zip(queries, first, strict=True), 1):
        timings.append(asking.once(query, earlier.legs_ms))
        progress("second time", number, len(queries))
    activity = before.until(inspection.counters(index))
    for number, query in enumerate(queries):
        if query.filters:
            timings[number] = asking.without_filters(query, timings[number])
    statistics = Statistics(inspection.state(index), activity, tuple(timings), LEG_SIZE, NEIGHBOURS)
    by_text = {query.text: query for query in queries}
    worst = [by_text[timing.text] for timing in slowest(timings, SLOWEST)]
    of_bytes = live.spec.quantization == "byte"
    parts = {query.text: inspection.parts_ms(index, asking.query(query), byte_vector=of_bytes) for query in worst}
    return Profile(statistics, advise(statistics), parts)


class _Asking:
    """One query at a time, its vector embedded each time anew, as it is for a question that nobody asked before."""

    def __init__(
        self, engine: Engine, index: str, live: Generation, gateway: Callable[[], Target], round_trip_ms: float
    ) -> None:
        self._passages = engine.passages
        self._index = index
        self._spec = live.spec
        self._gateway = gateway
        self._round_trip_ms = round_trip_ms
        known = described(live)
        self._ranker, self._vocabulary = known.ranker, known.vocabulary
        self._vectors: dict[str, tuple[float, ...]] = {}

    def once(self, query: Query, first_legs_ms: dict[str, float]) -> Timing:
        """The whole way. Raises what a step raises."""
        clock = [perf_counter()]

        def lap() -> float:
            clock.append(perf_counter())
            return (clock[-1] - clock[-2]) * 1000

        prepared = prepare(query.text, vocabulary=self._vocabulary, language=self._spec.language)
        stages = dict.fromkeys(STAGES, 0.0)
        stages["prepare"] = lap()
        vector = query.vector or embed([prepared.meaning], self._spec, self._gateway())[0]
        stages["embedding"] = 0.0 if query.vector else lap()
        self._vectors[query.text] = vector
        lap()
        legs = self._search(engine_query(prepared, vector, RetrievalOptions(filters=query.filters)))
        whole = lap()
        stages["network"] = min(self._round_trip_ms, whole)
        stages["engine"] = whole - stages["network"]
        self._ranker.rank(prepared, legs, FUSED)
        stages["fusion"] = lap()
        self._ranker.rank(prepared, legs, DEFAULTS)
        stages["rerank"] = max(0.0, lap() - stages["fusion"])
        hits = len(legs.lexical) + len(legs.dense)
        return Timing(query.text, stages, dict(legs.engine_ms), first_legs_ms, hits, filtered=bool(query.filters))

    def without_filters(self, query: Query, timing: Timing) -> Timing:
        """``timing`` with what the dense leg takes when it may take all documents."""
        legs = self._search(msgspec.structs.replace(self.query(query), filters=()))
        return msgspec.structs.replace(timing, unfiltered_dense_ms=legs.engine_ms.get("dense"))

    def query(self, query: Query) -> EngineQuery:
        """What the engine was asked for ``query``."""
        prepared = prepare(query.text, vocabulary=self._vocabulary, language=self._spec.language)
        return engine_query(prepared, self._vectors[query.text], RetrievalOptions(filters=query.filters))

    def _search(self, query: EngineQuery) -> Legs:
        return self._passages.search(self._index, query, Waterfall(), NEVER)


def report(found: Profile) -> dict[str, Any]:
    """What ``--json`` prints."""
    statistics = found.statistics
    stages = {
        name: _spread(statistics.stage_ms, name) | {"share": round(statistics.share_of(name), 4)} for name in STAGES
    }
    return {
        "index": statistics.index.name,
        "queries": len(statistics.timings),
        "total_ms": {"p50": round(statistics.total_ms(0.5), 3), "p95": round(statistics.total_ms(0.95), 3)},
        "stages_ms": stages,
        "legs_ms": {leg: _spread(statistics.leg_ms, leg) for leg in ("lexical", "dense")},
        "fetch_share": round(statistics.activity.fetch_share, 4),
        "slowest": [
            {
                "text": timing.text, "total_ms": round(timing.total_ms, 3), "stages_ms": _rounded(timing.stages_ms),
                "legs_ms": _rounded(timing.legs_ms),
                "inside_ms": {leg: _rounded(parts) for leg, parts in found.parts_ms[timing.text].items()},
            }
            for timing in slowest(statistics.timings, SLOWEST)
        ],
        "state": msgspec.to_builtins(statistics.index),
        "activity": msgspec.to_builtins(statistics.activity),
        "advice": msgspec.to_builtins(found.advice),
    }  # fmt: skip


def _spread(of: Callable[[str, float], float], name: str) -> dict[str, float]:
    return {"p50": round(of(name, 0.5), 3), "p95": round(of(name, 0.95), 3)}


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}

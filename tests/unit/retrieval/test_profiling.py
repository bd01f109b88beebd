from __future__ import annotations

from typing import Any

import msgspec
import pytest

from slipstream.retrieval.ports import IndexSpec
from slipstream.retrieval.profiling.advice import advise
from slipstream.retrieval.profiling.figures import STAGES, Activity, IndexState, Statistics, Timing, percentile, slowest

STAGE_MS = {"prepare": 0.2, "embedding": 8.0, "network": 1.0, "engine": 9.0, "fusion": 0.5, "rerank": 2.0}
LEGS_MS = {"lexical": 5.0, "dense": 6.0}
LUCENE, FAISS = IndexSpec(), IndexSpec(engine="faiss")
STATE = IndexState(
    name="docs", spec=LUCENE, documents=1000, passages=9000, deleted=0, segments=1, store_bytes=10**8, nodes=1, cores=2,
    refresh_interval_s=1.0, derived_source=True, exact_threshold=-1,
)  # fmt: skip
QUIET = Activity(searches=100, query_ms=900, fetch_ms=100, refreshes=0, indexed=0, rejected=0)


def timing(text: str = "how", *, legs: dict[str, float] | None = None, first: dict[str, float] | None = None,
           stages: dict[str, float] | None = None, **fields: Any) -> Timing:  # fmt: skip
    legs = LEGS_MS | (legs or {})
    return Timing(text, STAGE_MS | (stages or {}), legs, legs | (first or {}), 40, **fields)


def statistics(*, timings: tuple[Timing, ...] = (timing(),) * 20, state: dict[str, Any] | None = None,
               activity: dict[str, Any] | None = None, neighbours: int = 50) -> Statistics:  # fmt: skip
    replace = msgspec.structs.replace
    return Statistics(replace(STATE, **(state or {})), replace(QUIET, **(activity or {})), timings, 20, neighbours)


def test_a_percentile_is_a_value_that_was_measured_and_0_of_nothing() -> None:
    assert [percentile([3.0, 1.0, 2.0, 4.0], share) for share in (0.0, 0.5, 0.95, 1.0)] == [1.0, 3.0, 4.0, 4.0]
    assert percentile([], 0.5) == 0.0


def test_an_index_in_good_order_gets_no_advice() -> None:
    assert advise(statistics()) == []


SLOW_DENSE = (timing(legs={"dense": 30.0}),) * 20
FILTERED = (timing(filtered=True, legs={"dense": 20.0}, unfiltered_dense_ms=6.0),) * 20
PROVOKED: list[tuple[str, str, Statistics]] = [
    ("cold graphs", "/_plugins/_knn/warmup/docs", statistics(timings=(timing(first={"dense": 90.0}),) * 20)),
    ("many segments", "_forcemerge?max_num_segments=1", statistics(state={"segments": 14})),
    ("many deleted", "_forcemerge?max_num_segments=1", statistics(state={"deleted": 4000})),
    ("ef_search below k", "index.knn.algo_param.ef_search",
     statistics(state={"spec": msgspec.structs.replace(FAISS, ef_search=20)})),
    ("ef_search far above k", "index.knn.algo_param.ef_search",
     statistics(state={"spec": msgspec.structs.replace(FAISS, ef_search=400)}, timings=SLOW_DENSE)),
    ("slow filters, faiss", "index.knn.advanced.filtered_exact_search_threshold",
     statistics(state={"spec": FAISS}, timings=FILTERED)),
    ("slow filters, lucene", "filters", statistics(timings=FILTERED)),
    ("whole sources", "index.knn.derived_source.enabled",
     statistics(state={"derived_source": False}, activity={"fetch_ms": 900})),
    ("long passages", "passages",
     statistics(activity={"fetch_ms": 1200}, timings=(timing(legs={"lexical": 15.0}),) * 20)),
    ("k below size", "k", statistics(neighbours=10)),
    ("k far above size", "k", statistics(neighbours=500, timings=SLOW_DENSE)),
    ("small shards", "shards", statistics(state={"spec": msgspec.structs.replace(LUCENE, shards=2), "segments": 2})),
    ("more shards than cores", "shards",
     statistics(state={"spec": msgspec.structs.replace(LUCENE, shards=8), "segments": 8, "passages": 8 * 10**6})),
    ("fewer shards than cores", "shards", statistics(state={"passages": 9 * 10**6, "cores": 8})),
    ("refreshes under writes", "index.refresh_interval", statistics(activity={"indexed": 500, "refreshes": 12})),
    ("graphs refused", "knn.memory.circuit_breaker.limit", statistics(state={"spec": FAISS, "graphs_refused": True})),
    ("graphs dropped", "knn.memory.circuit_breaker.limit",
     statistics(state={"spec": FAISS}, activity={"evictions": 3})),
    ("searches refused", "nodes", statistics(activity={"rejected": 4})),
    ("slow embedding", "embedding_model", statistics(timings=(timing(stages={"embedding": 80.0}),) * 20)),
    ("far engine", "vpc", statistics(timings=(timing(stages={"network": 40.0}),) * 20)),
    ("slow re-rank", "rerank", statistics(timings=(timing(stages={"rerank": 60.0}),) * 20)),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "seen"), [each[1:] for each in PROVOKED], ids=[each[0] for each in PROVOKED])
def test_what_slows_searches_is_met_with_the_setting_to_change_and_with_nothing_else(
    setting: str, seen: Statistics
) -> None:
    found = advise(seen)

    assert [advice.setting for advice in found] == [setting]
    assert found[0].change
    assert found[0].why


@pytest.mark.parametrize(
    "harmless",
    [
        statistics(state={"spec": FAISS, "segments": 5}),
        statistics(state={"refresh_interval_s": 30.0}, activity={"indexed": 500, "refreshes": 12}),
        statistics(activity={"refreshes": 12}),
        statistics(state={"refresh_interval_s": -1.0}, activity={"indexed": 500, "refreshes": 2}),
        statistics(timings=(timing(filtered=True, unfiltered_dense_ms=5.0),) * 20),
        statistics(timings=(timing(first={"dense": 9.0}),) * 20),
        statistics(state={"spec": msgspec.structs.replace(LUCENE, shards=2), "passages": 300_000, "segments": 2}),
        statistics(state={"graphs_refused": True}),
    ],
    ids=["few segments", "long interval", "no writes", "refresh off", "cheap filters", "a little cold", "big shards",
         "lucene has no breaker"],
)  # fmt: skip
def test_what_costs_next_to_nothing_is_left_alone(harmless: Statistics) -> None:
    assert advise(harmless) == []


def test_the_number_of_shards_advised_fits_the_cores() -> None:
    seen = statistics(state={"spec": msgspec.structs.replace(LUCENE, shards=8), "segments": 8, "passages": 8 * 10**6})

    assert "--shards 2" in advise(seen)[0].change


def test_an_unreached_engine_and_no_queries_make_no_shares() -> None:
    empty = statistics(timings=())

    assert empty.total_ms() == 0.0
    assert empty.share_of("engine") == 0.0
    assert advise(empty) == []


def test_a_query_takes_what_its_stages_take() -> None:
    assert timing().total_ms == pytest.approx(sum(STAGE_MS[stage] for stage in STAGES))


def test_the_slowest_queries_come_first() -> None:
    found = slowest([timing("a"), timing("b", stages={"engine": 50.0}), timing("c", stages={"engine": 20.0})], 2)

    assert [each.text for each in found] == ["b", "c"]

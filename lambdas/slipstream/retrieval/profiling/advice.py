"""What to change, from what was measured: each rule names one setting, and says what it saw."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from slipstream.retrieval.profiling.figures import Statistics, percentile

Rule = Callable[[Statistics], "Advice | None"]

NOTICED_MS = 2.0
"""Less than this is not worth a change."""
SEGMENTS_A_SHARD = 5
DELETED_SHARE = 0.2
SMALL_SHARD_PASSAGES = 100_000
LARGE_SHARD_PASSAGES = 2_000_000


class Advice(msgspec.Struct, frozen=True):
    """``setting``: what to change, by its name in the engine or here. ``change``: to what. ``why``: what was seen."""

    setting: str
    change: str
    why: str


def advise(statistics: Statistics) -> list[Advice]:
    """What all rules say, those about faults first."""
    return [advice for rule in RULES if (advice := rule(statistics)) is not None]


def memory(s: Statistics) -> Advice | None:
    """Graphs that do not fit are read from disk again and again."""
    if s.index.spec.engine != "faiss" or not (s.index.graphs_refused or s.activity.evictions):
        return None
    return Advice(
        "knn.memory.circuit_breaker.limit",
        f"larger nodes, or less memory a vector: slipstream index tune {s.index.name}",
        f"the graphs do not fit into the memory for them: {s.activity.evictions} were dropped while the queries ran",
    )


def warm_up(s: Statistics) -> Advice | None:
    """Graphs are loaded by the first search, or by being asked to beforehand."""
    count = max(1, len(s.timings) // 10)
    first = percentile([t.first_legs_ms.get("dense", 0.0) for t in s.timings[:count]], 0.5)
    later = s.leg_ms("dense")
    if first < 3 * later or first - later < 10 * NOTICED_MS:
        return None
    return Advice(
        f"/_plugins/_knn/warmup/{s.index.name}",
        "call it after each re-index, merge and restart",
        f"the first searches' dense leg took {first:.0f} ms, later ones {later:.0f} ms: they loaded the vectors",
    )


def segments(s: Statistics) -> Advice | None:
    """Each segment has a graph of its own, all of which a search walks."""
    each = s.index.segments / s.index.spec.shards
    deleted = s.index.deleted / max(1, s.index.deleted + s.index.passages)
    if each <= SEGMENTS_A_SHARD and deleted <= DELETED_SHARE:
        return None
    seen = f"{each:.0f} segments a shard" if each > SEGMENTS_A_SHARD else f"{deleted:.0%} of what is kept is deleted"
    return Advice(
        "_forcemerge?max_num_segments=1",
        f"POST /{s.index.name}/_forcemerge?max_num_segments=1 when no load is running, then warm up",
        f"{seen}: a search walks the graph of each, and passes over what is deleted",
    )


def ef_search(s: Statistics) -> Advice | None:
    """Candidates that a faiss search looks at: time against recall."""
    if s.index.spec.engine != "faiss":
        return None
    value, dense = s.index.spec.ef_search, s.leg_ms("dense")
    if value < s.neighbours:
        return Advice(
            "index.knn.algo_param.ef_search", f"at least {s.neighbours}",
            f"it is {value}, below the {s.neighbours} neighbours that are asked for: recall suffers",
        )  # fmt: skip
    if value > 2 * s.neighbours and dense > NOTICED_MS and dense > 2 * s.leg_ms("lexical"):
        return Advice(
            "index.knn.algo_param.ef_search",
            f"less than {value}: slipstream index tune {s.index.name} says how few will do",
            f"the dense leg takes {dense:.1f} ms, the lexical {s.leg_ms('lexical'):.1f} ms, and looks at {value} "
            f"candidates for {s.neighbours} neighbours",
        )  # fmt: skip
    return None


def filter_strategy(s: Statistics) -> Advice | None:
    """Few documents that pass a filter are sooner compared one by one than found through the graph."""
    pairs = [(t.legs_ms["dense"], t.unfiltered_dense_ms) for t in s.timings
             if t.filtered and t.unfiltered_dense_ms is not None and "dense" in t.legs_ms]  # fmt: skip
    if not pairs:
        return None
    with_filter, without = (percentile(list(side), 0.5) for side in zip(*pairs, strict=True))
    if with_filter < 2 * without or with_filter - without < NOTICED_MS:
        return None
    seen = f"the dense leg takes {with_filter:.1f} ms with the queries' filters and {without:.1f} ms without"
    if s.index.spec.engine == "faiss":
        return Advice(
            "index.knn.advanced.filtered_exact_search_threshold",
            f"above the number of passages that pass the filter (now {s.index.exact_threshold})", seen,
        )  # fmt: skip
    return Advice("filters", "fewer values in any_of, or an index of its own for what is filtered by most", seen)


def source_filtering(s: Statistics) -> Advice | None:
    """A hit's source with its vectors is many times what a hit needs."""
    if s.index.derived_source or s.activity.fetch_share < 0.3:
        return None
    return Advice(
        "index.knn.derived_source.enabled",
        f'true, by slipstream index reindex {s.index.name}; a search of your own: "_source": false and stored_fields',
        f"{s.activity.fetch_share:.0%} of the engine's time goes into reading hits, whose source holds their vectors",
    )


def hits_read(s: Statistics) -> Advice | None:
    """With lean hits, what is left to save is their number."""
    if not s.index.derived_source or s.activity.fetch_share < 0.5 or s.leg_ms("lexical") < 5 * NOTICED_MS:
        return None
    return Advice(
        "passages", "shorter ones: fewer tokens a chunk",
        f"{s.activity.fetch_share:.0%} of the engine's time goes into reading {s.size} hits a leg: their text is long",
    )  # fmt: skip


def k_against_size(s: Statistics) -> Advice | None:
    """The dense leg cannot give more hits than it has neighbours, nor should it look for many more."""
    if s.neighbours < s.size:
        return Advice(
            "k", f"at least the size, {s.size}", f"k is {s.neighbours}: the dense leg can never fill {s.size} hits"
        )
    if s.neighbours > 5 * s.size and s.leg_ms("dense") > max(NOTICED_MS, 2 * s.leg_ms("lexical")):
        return Advice(
            "k", f"nearer to the size, {s.size}",
            f"the dense leg looks for {s.neighbours} neighbours, gives {s.size} hits, takes {s.leg_ms('dense'):.1f} ms",
        )  # fmt: skip
    return None


def shards_against_cores(s: Statistics) -> Advice | None:
    """A search uses one thread a shard, and has work with each."""
    shards, each = s.index.spec.shards, s.index.passages / s.index.spec.shards
    if shards > 1 and (shards > s.index.cores or each < SMALL_SHARD_PASSAGES):
        seen = (
            f"{shards} shards share {s.index.cores} cores, so that one search waits for itself"
            if shards > s.index.cores
            else f"{shards} shards hold {each:,.0f} passages each, less than is worth a shard"
        )
        fewer = max(1, min(s.index.cores, round(s.index.passages / SMALL_SHARD_PASSAGES)))
        return Advice("shards", f"{fewer}, by slipstream index reindex {s.index.name} --shards {fewer}", seen)
    if each > LARGE_SHARD_PASSAGES and shards < s.index.cores:
        more = min(s.index.cores, round(s.index.passages / LARGE_SHARD_PASSAGES) + 1)
        return Advice(
            "shards", f"{more}, by slipstream index reindex {s.index.name} --shards {more}",
            f"one thread searches {each:,.0f} passages while {s.index.cores - shards} cores have nothing to do",
        )  # fmt: skip
    return None


def refresh_interval(s: Statistics) -> Advice | None:
    """Each refresh under writes makes a segment, whose graph is new and cold."""
    if not s.activity.indexed or s.activity.refreshes < 2 or not 0 < s.index.refresh_interval_s < 30:
        return None
    return Advice(
        "index.refresh_interval", "30s while documents are loaded",
        f"{s.activity.indexed} documents were written and {s.activity.refreshes} refreshes made new segments during "
        f"the queries; the interval is {s.index.refresh_interval_s:g} s",
    )  # fmt: skip


def overload(s: Statistics) -> Advice | None:
    """A queue that is full refuses searches."""
    if not s.activity.rejected:
        return None
    return Advice(
        "nodes", "more of them, or larger ones",
        f"the engine refused {s.activity.rejected} searches: its queue was full",
    )  # fmt: skip


def embedding(s: Statistics) -> Advice | None:
    """The question's vector is waited for before anything can be searched."""
    if s.share_of("embedding") < 0.5 or s.stage_ms("embedding") < 10 * NOTICED_MS:
        return None
    return Advice(
        "embedding_model",
        "a smaller one, or fewer dimensions, by slipstream index reindex; the gateway near Bedrock's region",
        f"{s.share_of('embedding'):.0%} of the time is the question's embedding ({s.stage_ms('embedding'):.0f} ms)",
    )  # fmt: skip


def network(s: Statistics) -> Advice | None:
    """What lies between here and the engine."""
    if s.share_of("network") < 0.4 or s.stage_ms("network") < 5 * NOTICED_MS:
        return None
    return Advice(
        "vpc", "the caller in the engine's region and network",
        f"{s.share_of('network'):.0%} of the time is the way to the engine and back ({s.stage_ms('network'):.0f} ms)",
    )  # fmt: skip


def rerank(s: Statistics) -> Advice | None:
    """Reading the candidates once more."""
    if s.share_of("rerank") < 0.4 or s.stage_ms("rerank") < 5 * NOTICED_MS:
        return None
    return Advice(
        "rerank", "off, or local where it is bedrock; slipstream eval retrieval tells what it is worth",
        f"{s.share_of('rerank'):.0%} of the time is the re-ranking ({s.stage_ms('rerank'):.0f} ms)",
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    overload, memory, warm_up, segments, ef_search, filter_strategy, source_filtering, hits_read, k_against_size,
    shards_against_cores, refresh_interval, embedding, network, rerank,
)  # fmt: skip

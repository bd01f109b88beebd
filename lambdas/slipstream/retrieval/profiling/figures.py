"""What a profile is made of: where the time of each query went, and what state the index is in."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from slipstream.retrieval.ports import IndexSpec

STAGES = ("prepare", "embedding", "network", "engine", "fusion", "rerank")
"""Of a query, one after another. ``engine``: both legs, side by side, and what is searched beside them."""


class Timing(msgspec.Struct, frozen=True):
    """One query. ``stages_ms`` by the names of ``STAGES``; ``legs_ms``: what the engine says that each leg took."""

    text: str
    stages_ms: dict[str, float]
    legs_ms: dict[str, float]
    first_legs_ms: dict[str, float]
    """The same when it was asked for the first time in this run, before anything was warm."""
    hits: int
    filtered: bool = False
    unfiltered_dense_ms: float | None = None
    """The dense leg without the query's filters; None: not asked."""

    @property
    def total_ms(self) -> float:
        """All stages together."""
        return sum(self.stages_ms.values())


class IndexState(msgspec.Struct, frozen=True):
    """The live generation as the engine describes it. Counts are of primaries, ``passages`` as the engine counts them:
    with documents and whatever else is nested in them.
    """

    name: str
    spec: IndexSpec
    documents: int
    passages: int
    deleted: int
    segments: int
    store_bytes: int
    nodes: int
    cores: int
    """Of all data nodes together."""
    refresh_interval_s: float
    """0 and below: never by itself."""
    derived_source: bool
    exact_threshold: int
    """``index.knn.advanced.filtered_exact_search_threshold``; -1: the engine's own judgement."""
    graphs_refused: bool = False
    """Whether the circuit breaker keeps faiss graphs out of memory, so that they are loaded anew all the time."""


class Activity(msgspec.Struct, frozen=True):
    """What the engine counted, this index alone (``rejected``: all of its nodes).

    Since it started, or between two looks.
    """

    searches: int
    query_ms: float
    fetch_ms: float
    refreshes: int
    indexed: int
    rejected: int
    evictions: int = 0

    def until(self, later: Activity) -> Activity:
        """What was counted between the two."""
        return Activity(**{field: getattr(later, field) - getattr(self, field) for field in self.__struct_fields__})

    @property
    def fetch_share(self) -> float:
        """Of the engine's own time, what went into reading the hits' stored fields."""
        whole = self.query_ms + self.fetch_ms
        return self.fetch_ms / whole if whole else 0.0


class Statistics(msgspec.Struct, frozen=True):
    """Everything that advice is made of. ``size``: hits asked of a leg, ``neighbours``: k of the dense leg."""

    index: IndexState
    activity: Activity
    timings: tuple[Timing, ...]
    size: int
    neighbours: int

    def leg_ms(self, leg: str, share: float = 0.5, *, first: bool = False) -> float:
        """A percentile of what a leg took; 0 where it was never asked."""
        return percentile([(t.first_legs_ms if first else t.legs_ms).get(leg, 0.0) for t in self.timings], share)

    def stage_ms(self, stage: str, share: float = 0.5) -> float:
        """A percentile of a stage."""
        return percentile([timing.stages_ms.get(stage, 0.0) for timing in self.timings], share)

    def total_ms(self, share: float = 0.5) -> float:
        """A percentile of whole queries."""
        return percentile([timing.total_ms for timing in self.timings], share)

    def share_of(self, stage: str) -> float:
        """What part of all queries' time a stage takes."""
        whole = sum(timing.total_ms for timing in self.timings)
        return sum(timing.stages_ms.get(stage, 0.0) for timing in self.timings) / whole if whole else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of all, 0 to 1, do not exceed; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def slowest(timings: Sequence[Timing], count: int) -> list[Timing]:
    """The queries that took longest, longest first."""
    return sorted(timings, key=lambda timing: -timing.total_ms)[:count]

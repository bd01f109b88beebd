"""What the engine tells of an index: its state, what it has counted, and where one search's time went."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import msgspec
import opensearchpy

from slipstream.aws import search_query
from slipstream.aws.document_index import OpenSearchDocuments, told
from slipstream.retrieval.profiling.figures import Activity, IndexState
from slipstream.retrieval.search import EngineQuery

PINGS = 7
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PREFIX = "index.knn."


class Inspection:
    """Reads an engine's statistics, with its own client. Changes nothing."""

    def __init__(self, client: opensearchpy.OpenSearch) -> None:
        self._client = client

    def build_type(self) -> str:
        """As what the engine says it was built: ``tar``, ``docker``; empty where it does not say."""
        with told(""):
            return str(self._client.info()["version"].get("build_type", ""))

    def state(self, index: str) -> IndexState:
        """Of the generation that is live. Raises IndexNotFound, and what the engine says."""
        live = next(each for each in OpenSearchDocuments(self._client).generations(index) if each.live)
        with told(index):
            stats = self._client.indices.stats(index=live.name)["_all"]["primaries"]
            settings = self._settings(live.name)
            nodes = self._client.nodes.info(metric="os")["nodes"].values()
            graphs = self._graphs()
        data = [node for node in nodes if "data" in node["roles"]]
        return IndexState(
            name=index,
            spec=live.spec,
            documents=live.documents or 0,
            passages=stats["docs"]["count"],
            deleted=stats["docs"]["deleted"],
            segments=stats["segments"]["count"],
            store_bytes=stats["store"]["size_in_bytes"],
            nodes=len(data),
            cores=sum(int(node["os"]["allocated_processors"]) for node in data),
            refresh_interval_s=seconds(settings["index.refresh_interval"]),
            derived_source=settings.get(f"{_PREFIX}derived_source.enabled", "false") == "true",
            exact_threshold=int(settings.get(f"{_PREFIX}advanced.filtered_exact_search_threshold") or -1),
            graphs_refused=any(node.get("cache_capacity_reached") for node in graphs),
        )

    def counters(self, index: str) -> Activity:
        """Raises what the engine says."""
        with told(index):
            found = self._client.indices.stats(index=index, metric="search,refresh,indexing")["_all"]["total"]
            nodes = self._client.nodes.stats(metric="thread_pool")["nodes"].values()
            graphs = self._graphs()
        return Activity(
            searches=found["search"]["query_total"],
            query_ms=found["search"]["query_time_in_millis"],
            fetch_ms=found["search"]["fetch_time_in_millis"],
            refreshes=found["refresh"]["total"],
            indexed=found["indexing"]["index_total"],
            rejected=sum(node["thread_pool"]["search"]["rejected"] for node in nodes),
            evictions=sum(node.get("eviction_count", 0) for node in graphs),
        )

    def round_trip_ms(self) -> float:
        """The shortest of some requests that ask for nothing."""
        took = []
        with told(""):
            for _ in range(PINGS):
                began = perf_counter()
                self._client.ping()
                took.append((perf_counter() - began) * 1000)
        return min(took)

    def parts_ms(self, index: str, query: EngineQuery, *, byte_vector: bool = False) -> dict[str, dict[str, float]]:
        """Leg → what the slowest shard's time went into: ``rewrite``, ``match`` (finding and scoring), ``collect``;
        ``other``: what is left of the leg, above all reading its hits. Measuring makes all of it slower.
        """
        names, body = search_query.lines(index, query, byte_vector=byte_vector)
        searches = [msgspec.json.decode(line) for line in body.splitlines()[1::2]]
        with told(index):
            return {
                leg: _parts(self._client.search(index=index, body={**search, "profile": True}))
                for leg, search in zip(names, searches, strict=True)
            }

    def _settings(self, name: str) -> dict[str, Any]:
        answer = self._client.indices.get_settings(
            index=name, params={"flat_settings": "true", "include_defaults": "true"}
        )[name]
        return {**answer.get("defaults", {}), **answer["settings"]}

    def _graphs(self) -> list[Mapping[str, Any]]:
        try:
            found = self._client.transport.perform_request("GET", "/_plugins/_knn/stats")
        except opensearchpy.exceptions.NotFoundError:
            return []
        return list(found["nodes"].values())


def seconds(interval: str) -> float:
    """``30s`` → 30.0, ``500ms`` → 0.5, ``-1`` → -1.0."""
    for unit, factor in _UNITS_S.items():
        number = interval.removesuffix(unit)
        if number != interval and number.replace(".", "", 1).isdigit():
            return float(number) * factor
    return float(interval)


def _parts(answer: Mapping[str, Any]) -> dict[str, float]:
    shards = []
    for shard in answer["profile"]["shards"]:
        searches = shard["searches"]
        shards.append({
            "rewrite": sum(each["rewrite_time"] for each in searches) / 1e6,
            "match": sum(query["time_in_nanos"] for each in searches for query in each["query"]) / 1e6,
            "collect": sum(each["time_in_nanos"] for search in searches for each in search["collector"]) / 1e6,
        })  # fmt: skip
    slowest = max(shards, key=lambda parts: sum(parts.values()))
    return {**slowest, "other": max(0.0, answer["took"] - sum(slowest.values()))}

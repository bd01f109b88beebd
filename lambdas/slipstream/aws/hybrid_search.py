"""OpenSearch's own fusion: a hybrid query whose scores a search pipeline of the engine combines.

For evaluation beside our own fusion; documents only, since the engine (2.19) gives no passages with a hybrid query.
"""

from __future__ import annotations

from typing import Any

import opensearchpy

from slipstream.aws import search_cards, search_query
from slipstream.aws.document_index import told
from slipstream.retrieval import index_name
from slipstream.retrieval.search import EngineQuery

Pipeline = dict[str, Any]


def normalization(
    normalize: str = "min_max", combine: str = "arithmetic_mean", lexical_weight: float = 0.5
) -> Pipeline:
    """Scores are scaled (``min_max``, ``l2``), then averaged (``arithmetic_mean``, ``geometric_mean`` …)."""
    weights = {"weights": [lexical_weight, 1 - lexical_weight]}
    combination = {"technique": combine, "parameters": weights}
    return _pipeline("normalization-processor", {"normalization": {"technique": normalize}, "combination": combination})


def rank_fusion(rank_constant: int = 60) -> Pipeline:
    """Reciprocal ranks are added."""
    combination = {"technique": "rrf", "rank_constant": rank_constant}
    return _pipeline("score-ranker-processor", {"combination": combination})


class HybridSearch:
    """Hybrid queries over one engine."""

    def __init__(self, client: opensearchpy.OpenSearch) -> None:
        self._client = client

    def search(self, index: str, query: EngineQuery, pipeline: Pipeline) -> list[tuple[str, float]]:
        """Documents and their fused scores, best first, ``query.size`` at most. Raises as PassageIndex.search does."""
        index_name.check(index)
        body = {
            "size": query.size,
            "_source": False,
            "stored_fields": ["card"],
            "query": {"hybrid": {"queries": search_query.without_passages(query)}},
            "search_pipeline": pipeline,
        }
        with told(index):
            hits = self._client.search(index=index, body=body)["hits"]["hits"]
        return [(search_cards.read_document(hit["fields"]["card"][0]).id, float(hit["_score"])) for hit in hits]


def _pipeline(processor: str, settings: dict[str, Any]) -> Pipeline:
    return {"phase_results_processors": [{processor: settings}]}

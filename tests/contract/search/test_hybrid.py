from __future__ import annotations

import opensearchpy
import pytest

from slipstream.aws.document_index import connect
from slipstream.aws.hybrid_search import HybridSearch, Pipeline, normalization, rank_fusion
from slipstream.chat.retrieval_options import Filter
from slipstream.errors import IndexNotFound
from slipstream.retrieval.search import EngineQuery
from tests.contract.search.engines import BETWEEN, EAST, NORTH, Engine, document

BOTH = document("both", "needle", vectors=[EAST], attributes={"kind": "x"})
WORDS = document("words", "needle and a lot of straw around it", vectors=[NORTH])
NEAR = document("near", "straw", vectors=[BETWEEN])


@pytest.fixture
def client(opensearch_url: str) -> opensearchpy.OpenSearch:
    return connect(opensearch_url)


@pytest.mark.parametrize(
    "pipeline", [normalization(), normalization("l2", "geometric_mean", 0.7), rank_fusion(), rank_fusion(10)]
)
def test_the_engines_own_fusion_puts_first_what_both_legs_find(
    local: Engine, client: opensearchpy.OpenSearch, pipeline: Pipeline
) -> None:
    local.load(BOTH, WORDS, NEAR)

    found = HybridSearch(client).search(local.index, EngineQuery("needle", EAST), pipeline)

    assert found[0][0] == "both"
    assert {name for name, _ in found} == {"both", "words", "near"}
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


def test_weights_and_filters_reach_the_engine(local: Engine, client: opensearchpy.OpenSearch) -> None:
    local.load(BOTH, WORDS, NEAR)
    search = HybridSearch(client)
    query = EngineQuery("needle", EAST, filters=(Filter("kind", ("x",)),))

    assert [name for name, _ in search.search(local.index, query, rank_fusion())] == ["both"]
    dense_only = dict(search.search(local.index, EngineQuery("needle", EAST), normalization(lexical_weight=0.0)))
    assert dense_only["near"] > dense_only["words"]


def test_a_missing_index_is_named(local: Engine, client: opensearchpy.OpenSearch) -> None:
    with pytest.raises(IndexNotFound, match=local.index):
        HybridSearch(client).search(local.index, EngineQuery("needle", EAST), rank_fusion())

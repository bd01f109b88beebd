"""Text becomes the same terms beside the engine as in it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import opensearchpy
import pytest

from slipstream.aws.document_index import connect
from slipstream.fakes.generation import standard
from slipstream.retrieval.analysis import terms
from tests.contract.search.engines import Engine, document

EXCERPTS = Path(__file__).parents[2] / "data/retrieval/excerpts/corpus.jsonl"
ODD = [
    "sts:AssumeRole dynamodb:PutItem s3:GetObject* arn:aws:iam::123456789012:role/Admin",
    "a:b :c d: e::f 10:30 http://example.com:8080/a?b=c:d",
    "The customers' buckets aren't running S3-Glacier: generically C++ node.js foo_bar x.509 naïve",
    "function's retries, policies and caching: possibly analogies, ontologies; 1,024.50 3.14 v2.1",
    "__ _init_ ____x ✔ 👍🏽 👍 ⚠️ © ™ → • 🦊",
    "be-or-not to_be user@example.com 東京タワー に 한국어 שלום עולם Ünïcode ŒUVRE",
]


@pytest.fixture
def client(opensearch_url: str) -> opensearchpy.OpenSearch:
    return connect(opensearch_url)


def analyzed(client: opensearchpy.OpenSearch, index: str, field: str, text: str) -> list[str]:
    answer = client.indices.analyze(index=index, body={"field": field, "text": text})
    return [token["token"] for token in answer["tokens"]]


def test_odd_words_and_whole_pages_have_the_terms_that_the_index_has(
    local: Engine, client: opensearchpy.OpenSearch
) -> None:
    local.load(document("a", "text"))
    pages = [msgspec.json.decode(line) for line in EXCERPTS.read_bytes().splitlines()]

    for text in [*ODD, *[page["text"] for page in pages]]:
        assert analyzed(client, local.index, "passages.context", text) == terms(text)
        assert analyzed(client, local.index, "exact", text) == standard(text)

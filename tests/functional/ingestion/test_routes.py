"""The routes below /v1/indexes over a real engine."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from cli.gateway_client import call
from cli.target import Target
from slipstream.aws.document_index import OpenSearchDocuments, connect
from slipstream.aws.search_index import OpenSearchPassages
from slipstream.aws.sigv4 import Unsigned
from slipstream.aws.transport import Transport
from slipstream.disconnect import NEVER
from slipstream.fakes.embedder import HashingEmbedder
from slipstream.fakes.failures import MemoryDeadLetters, MemoryFailures
from slipstream.models.resolve import Resolver
from slipstream.retrieval.api import IndexesApi, Parts
from slipstream.retrieval.search import EngineQuery
from slipstream.telemetry.waterfall import Waterfall
from tests.http_routes import serving

ROUNDS = 5


class _NoBucket:
    """Of these tests none reads one."""

    def __call__(self, uri: str, after: str) -> object:
        raise AssertionError(f"{uri} is read")


@pytest.fixture
def target(opensearch_url: str) -> Iterator[Target]:
    with closing(connect(opensearch_url)) as client, serving(routes(OpenSearchDocuments(client))) as url:
        yield Target(url, "sk-slip-k")


def routes(index: OpenSearchDocuments) -> IndexesApi:
    return IndexesApi(
        Parts(
            index=index, embedder=HashingEmbedder(), resolve=Resolver(region="us-east-1").target,
            objects=_NoBucket(), failures=MemoryFailures(), dead_letters=MemoryDeadLetters(),
        )
    )  # fmt: skip


def test_a_search_finds_what_a_call_has_written_as_soon_as_it_returns(target: Target, opensearch_url: str) -> None:
    transport = Transport()
    passages = OpenSearchPassages(opensearch_url, transport=transport, auth=Unsigned())
    name = f"routes-{uuid.uuid4().hex[:12]}"
    call(target, "PUT", f"/v1/indexes/{name}", {"dimensions": 256})

    def found() -> set[str]:
        legs = passages.search(name, EngineQuery("heron"), Waterfall(), NEVER)
        return {hit.document_id for hit in legs.lexical}

    written, deleted = [], []
    try:
        for number in range(ROUNDS):
            document = {"id": f"{number}", "text": f"A heron fishes on page {number}."}
            call(target, "POST", f"/v1/indexes/{name}/documents", {"documents": [document]})
            written.append(found())
            call(target, "DELETE", f"/v1/indexes/{name}/documents/{number}")
            deleted.append(found())
    finally:
        call(target, "DELETE", f"/v1/indexes/{name}")
        transport.restore()

    assert written == [{f"{number}"} for number in range(ROUNDS)]
    assert deleted == [set()] * ROUNDS

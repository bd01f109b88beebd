"""What a leg may take, from the deployment's setting or the request to what the engine is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from slipstream.aws import index_mapping
from slipstream.retrieval.ports import IndexSpec
from slipstream.runtime.settings import read_settings
from slipstream.runtime.wiring import build
from tests.contract.search.test_faults import leg
from tests.contract.upstream.tiny_server import Peer, TinyServer
from tests.unit.gateway.scripted import drain, post

GENERATION = {"mappings": index_mapping.body(IndexSpec(), legacy_bm25="LegacyBM25")["mappings"]}


@pytest.fixture
def servers() -> Iterator[tuple[TinyServer, TinyServer]]:
    """The engine, and an embedding model that hangs up on every call: the lexical leg is asked alone."""
    both = TinyServer(), TinyServer()
    yield both
    for server in both:
        server.close()


@pytest.mark.parametrize(
    ("setting", "option", "limit"), [({}, {}, 1000), ({"SLIPSTREAM_LEG_TIMEOUT_MS": "700"}, {}, 700),
    ({"SLIPSTREAM_LEG_TIMEOUT_MS": "700"}, {"leg_timeout_ms": 5000}, 5000)],
)  # fmt: skip
def test_the_engine_is_told_the_limit(
    servers: tuple[TinyServer, TinyServer], setting: dict[str, str], option: dict[str, Any], limit: int
) -> None:
    engine, embedder = servers
    asked: list[bytes] = []

    def play(peer: Peer) -> None:
        asked.append(peer.request())
        peer.answer(msgspec.json.encode({"docs-000001": GENERATION}))
        asked.append(peer.request())
        peer.answer(msgspec.json.encode({"responses": [leg("heron.md")]}))

    engine.expects(play)
    environ = {
        "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": embedder.url, "OPENSEARCH_URL": engine.url,
    } | setting  # fmt: skip
    body = {"index": "docs", "query": "heron", "retrieval": option}

    answer = json.loads(
        drain(build(read_settings(environ), environ).app(post("/v1/search", json.dumps(body).encode())))
    )

    assert [result["document"] for result in answer["results"]] == ["heron.md"]
    assert answer["slipstream"]["missing"] == ["dense"]
    assert f'"timeout":"{limit}ms"'.encode() in asked[1]
    assert f'"cancel_after_time_interval":"{limit}ms"'.encode() in asked[1]

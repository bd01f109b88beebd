import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from local.parts import free_port
from local.places import LOOPBACK
from slipstream.aws.document_index import OpenSearchDocuments, connect
from slipstream.aws.search_setup import BY_HAND, GENERATIONS, Wanted, apply
from slipstream.errors import UpstreamUnavailable
from slipstream.retrieval.ports import IndexSpec
from tests.contract.search_engine.conftest import Engine

TEMPLATES = f"/_index_template/{BY_HAND}", f"/_index_template/{GENERATIONS}"


class Waits:
    """A clock that a pause moves on."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def clock(self) -> float:
        return self.now_s

    def pause(self, seconds: float) -> None:
        self.now_s += seconds


def put_in_place(url: str, wanted: Wanted) -> list[str]:
    waits = Waits()
    return apply(connect(url), wanted, deadline_s=10, clock=waits.clock, pause=waits.pause)


@pytest.fixture
def engine(opensearch_url: str) -> Iterator[Engine]:
    found = Engine(opensearch_url)
    yield found
    for path in TEMPLATES:
        found.call("DELETE", path)


@pytest.fixture(params=["double_url", "opensearch_url"], ids=["double", "opensearch"])
def rest(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Whatever is behind OpenSearch's REST API on this machine: the in-memory double, the engine."""
    found = Engine(request.getfixturevalue(request.param))
    yield found
    for path in TEMPLATES:
        found.call("DELETE", path)


@pytest.fixture
def name() -> str:
    return f"slipstream-{uuid.uuid4().hex[:8]}"


def settings_of(engine: Engine, index: str) -> dict[str, Any]:
    _, answer = engine.call("GET", f"/{index}/_settings?flat_settings=true")
    ((_, found),) = answer.items()
    settings: dict[str, Any] = found["settings"]
    return settings


def test_to_apply_it_twice_is_to_apply_it_once(rest: Engine) -> None:
    first = put_in_place(rest.url, Wanted(slow_log_s=1.5))
    before = [rest.call("GET", path) for path in first]

    assert put_in_place(rest.url, Wanted(slow_log_s=1.5)) == first
    assert [rest.call("GET", path) for path in first] == before
    assert {status for status, _ in before} == {200}


def test_an_index_made_by_hand_takes_what_the_product_writes(engine: Engine, name: str) -> None:
    put_in_place(engine.url, Wanted())

    engine.call("PUT", f"/{name}")
    _, by_hand = engine.call("GET", f"/{name}/_mapping")
    documents = OpenSearchDocuments(connect(engine.url))
    generation = documents.create(f"{name}-own", IndexSpec()).name
    _, by_us = engine.call("GET", f"/{generation}/_mapping")

    assert by_hand[name] == by_us[generation]
    engine.call("DELETE", f"/{name}")
    documents.drop(f"{name}-own")


def test_an_index_made_through_the_api_is_what_it_says_whatever_the_template_says(engine: Engine, name: str) -> None:
    documents = OpenSearchDocuments(connect(engine.url))
    spec = IndexSpec(dimensions=8, language="german", quantization="byte", m=24)
    plain = documents.create(f"x{name}", spec).name
    put_in_place(engine.url, Wanted())
    under_template = documents.create(name, spec).name

    _, without = engine.call("GET", f"/{plain}/_mapping")
    _, within = engine.call("GET", f"/{under_template}/_mapping")

    assert within[under_template] == without[plain]
    for each in (name, f"x{name}"):
        documents.drop(each)


def test_slow_searches_are_logged_of_indexes_made_while_that_was_wanted(engine: Engine) -> None:
    documents = OpenSearchDocuments(connect(engine.url))
    index = f"docs-{uuid.uuid4().hex[:8]}"
    put_in_place(engine.url, Wanted(slow_log_s=0.25))
    logged = settings_of(engine, documents.create(index, IndexSpec()).name)
    documents.drop(index)
    put_in_place(engine.url, Wanted())
    silent = settings_of(engine, documents.create(index, IndexSpec()).name)
    documents.drop(index)

    assert logged["index.search.slowlog.threshold.query.warn"] == "250ms"
    assert "index.search.slowlog.threshold.query.warn" not in silent


@pytest.mark.parametrize("pipeline", ["slipstream-normalization", "slipstream-rank-fusion"])
def test_a_hybrid_query_by_hand_is_fused_by_a_named_pipeline(engine: Engine, name: str, pipeline: str) -> None:
    put_in_place(engine.url, Wanted())
    for title in ("a storm", "a river"):
        engine.call("POST", f"/x{name}/_doc?refresh=true", {"title": title})
    query = {"hybrid": {"queries": [{"match": {"title": "storm"}}, {"match": {"title": "storm river"}}]}}

    status, answer = engine.call("POST", f"/x{name}/_search?search_pipeline={pipeline}", {"query": query})

    assert status == 200, json.dumps(answer)
    assert [hit["_source"]["title"] for hit in answer["hits"]["hits"]] == ["a storm", "a river"]
    engine.call("DELETE", f"/x{name}")


def test_an_engine_that_never_answers_is_asked_until_the_time_is_over() -> None:
    waits = Waits()

    with pytest.raises(UpstreamUnavailable, match="cannot be reached"):
        apply(
            connect(f"http://{LOOPBACK}:{free_port()}"), Wanted(), deadline_s=12, clock=waits.clock,
            pause=waits.pause,
        )  # fmt: skip

    assert waits.now_s == 10

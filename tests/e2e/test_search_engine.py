"""The search engine runs beside the rest of the stack, and the functions are told where it is."""

from __future__ import annotations

import json

import pytest

from local.endpoint import Endpoint
from local.opensearch.probe import ask
from local.places import Places


@pytest.fixture
def engine(local_stack: Endpoint) -> str:
    if not local_stack.opensearch_url:
        pytest.skip(f"no OpenSearch: the stack runs with the engine {local_stack.search_engine}")
    return local_stack.opensearch_url


def test_the_endpoint_names_an_engine_that_is_healthy(engine: str) -> None:
    assert ask(engine, "/_cluster/health")["status"] in {"green", "yellow"}


def test_deployed_functions_are_told_the_engines_address(engine: str, local_places: Places) -> None:
    settings = json.loads((local_places.folder / "edge.json").read_text())

    assert settings["variables"]["OPENSEARCH_URL"] == engine

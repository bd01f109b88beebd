from __future__ import annotations

import socket

import pytest

from slipstream.errors import SlipstreamError, UpstreamTimeout
from slipstream.runtime.search_parts import SearchSettings, document_index, read_search_settings
from slipstream.runtime.settings import read_settings
from slipstream.runtime.wiring import build

DOMAIN = "https://search-docs.eu-west-1.es.amazonaws.com"
REGION = {"AWS_REGION": "eu-west-1"}


def test_without_an_endpoint_there_is_no_search() -> None:
    assert read_search_settings(REGION) is None
    assert read_settings(REGION).search is None


def test_a_domain_is_signed_and_a_plain_engine_is_not() -> None:
    domain = read_search_settings(REGION | {"SLIPSTREAM_SEARCH_ENDPOINT": DOMAIN + "/"})
    local = read_search_settings({"OPENSEARCH_URL": "http://127.0.0.1:9200"})

    assert domain is not None
    assert (domain.endpoint, domain.signed, domain.region) == (DOMAIN, True, "eu-west-1")
    assert local is not None
    assert local.signed is False


def test_an_engine_that_is_named_beside_the_deployed_domain_takes_its_place() -> None:
    found = read_search_settings(REGION | {"SLIPSTREAM_SEARCH_ENDPOINT": DOMAIN, "OPENSEARCH_URL": "http://other"})

    assert found is not None
    assert found.endpoint == "http://other"


def test_an_https_engine_that_is_no_domain_can_go_without_a_signature() -> None:
    found = read_search_settings({"OPENSEARCH_URL": "https://search.example", "SLIPSTREAM_SEARCH_AUTH": "none"})

    assert found is not None
    assert found.signed is False


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"SLIPSTREAM_SEARCH_ENDPOINT": "search.example:9200"}, "SLIPSTREAM_SEARCH_ENDPOINT must be a URL"),
        ({"SLIPSTREAM_SEARCH_ENDPOINT": DOMAIN, "OPENSEARCH_URL": "search:9200"}, "OPENSEARCH_URL must be a URL"),
        ({"SLIPSTREAM_SEARCH_ENDPOINT": DOMAIN}, "AWS_REGION is not set"),
        (
            {"OPENSEARCH_URL": "http://x", "SLIPSTREAM_SEARCH_AUTH": "basic"},
            "SLIPSTREAM_SEARCH_AUTH must be",
        ),
    ],
)
def test_what_cannot_be_used_is_named(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SlipstreamError, match=named):
        read_search_settings(environ)


def test_the_chat_function_is_built_with_an_engine_before_it_is_called() -> None:
    settings = read_settings(REGION | {"SLIPSTREAM_SEARCH_ENDPOINT": DOMAIN})

    assert callable(build(settings, REGION).app)


def test_an_engine_that_takes_calls_and_never_answers_is_told_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        url = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        index = document_index(SearchSettings(url, signed=False, region=""), timeout_s=0.05)

        with pytest.raises(UpstreamTimeout, match="the search engine did not answer in time"):
            index.names()

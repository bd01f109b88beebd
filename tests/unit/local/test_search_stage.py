import pytest

from local.deployment import CACHE_LIMIT_MS, RERANK_MODEL, context
from local.launcher import host_and_port


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:9200", "127.0.0.1:9200"),
        ("https://search.example/base", "search.example:443"),
        ("http://user:secret@search.example", "search.example:80"),
        ("", ""),
    ],
)
def test_the_emulator_tells_the_engines_host_and_port_and_nothing_else(url: str, told: str) -> None:
    assert host_and_port(url) == told


def test_the_local_stage_has_search_where_there_is_an_engine() -> None:
    with_engine, without = context("http://127.0.0.1:9200"), context("")
    assert with_engine == (*without, "search=dev", f"rerank_model={RERANK_MODEL}")
    assert f"cache_limit_ms={CACHE_LIMIT_MS}" in without


def test_the_local_stage_counts_questions_since_nothing_outlives_it() -> None:
    assert "query_log_share=1" in context("")

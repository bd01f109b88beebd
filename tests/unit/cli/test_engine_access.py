"""Which engine a command measures, and re-indexes with ``--apply``."""

from __future__ import annotations

import click
import pytest

from cli.engine_access import connect

GIVEN = "http://127.0.0.1:19201"


def test_the_engine_that_an_option_names_is_taken_whatever_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENSEARCH_URL", "http://127.0.0.1:19299")
    monkeypatch.setenv("SLIPSTREAM_SEARCH_ENDPOINT", "http://127.0.0.1:19298")

    with connect(GIVEN) as engine:
        (host,) = engine.client.transport.hosts

    assert (host["host"], host["port"]) == ("127.0.0.1", 19201)


def test_an_option_that_is_no_url_is_blamed_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENSEARCH_URL", "http://127.0.0.1:19299")

    with (
        pytest.raises(click.ClickException, match=r"^--engine-url must be a URL such as .*'search:9200'"),
        connect("search:9200"),
    ):
        pass

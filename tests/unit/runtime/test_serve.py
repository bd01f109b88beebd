"""Where the development server listens, which asks nobody for a key."""

from __future__ import annotations

import pytest

from slipstream.runtime.serve import main, parse_arguments

ELSEWHERE = ["0.0.0.0", "::", "", "192.168.1.7", "127.example.com", "example.com"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_served_as_it_is(host: str) -> None:
    assert parse_arguments(["--host", host]).host == host


@pytest.mark.parametrize("host", ELSEWHERE)
def test_another_address_is_refused_with_what_to_do(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parse_arguments(["--host", host])
    assert refused.value.code == 2
    assert "--trust-the-network" in capsys.readouterr().err


@pytest.mark.parametrize("host", ELSEWHERE)
def test_it_is_served_where_the_network_is_said_to_be_trusted(host: str) -> None:
    assert parse_arguments(["--host", host, "--trust-the-network"]).host == host


def test_indexes_without_an_engine_are_refused_with_the_setting_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    for name in ("OPENSEARCH_URL", "SLIPSTREAM_SEARCH_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)

    assert main(["--indexes", "--port", "0"]) == 2
    assert "SLIPSTREAM_SEARCH_ENDPOINT is not set" in capsys.readouterr().err

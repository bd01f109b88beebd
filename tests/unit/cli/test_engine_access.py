"""Which engine a command measures, and re-indexes with ``--apply``."""

from __future__ import annotations

import uuid
from pathlib import Path

import click
import pytest

from cli.engine_access import connect
from local.endpoint import Endpoint
from slipstream.aws import document_index
from slipstream.retrieval.ports import IndexSpec
from tests.unit.cli.conftest import Gateway, Shell

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


@pytest.mark.parametrize("command", [("index", "tune"), ("search", "profile")])
def test_the_double_is_refused_before_anything_is_embedded_or_made_for_it(
    command: tuple[str, str], double_url: str, online: Shell, gateway: Gateway, tmp_path: Path
) -> None:
    questions = tmp_path / "questions.txt"
    questions.write_text("What is a bucket?")
    client = document_index.connect(double_url)
    engine, index = document_index.OpenSearchDocuments(client), f"real-{uuid.uuid4().hex[:12]}"
    engine.create(index, IndexSpec(dimensions=2))

    ran = online.run(*command, index, "--queries", str(questions), "--engine-url", double_url)
    names = engine.names()
    engine.drop(index)
    client.close()

    assert ran.exit_code == 1
    assert "this is the in-memory double of OpenSearch" in ran.stderr
    assert "--engine-url" in ran.stderr
    assert gateway.asked == []
    assert [name for name in names if name.startswith(index)] == [index]


@pytest.mark.parametrize("command", [("index", "tune"), ("search", "profile")])
@pytest.mark.parametrize(("running", "told"), [(True, "the local stack runs without"), (False, "or run `make up`")])
def test_a_stack_that_runs_without_an_engine_is_not_told_to_be_started(
    command: tuple[str, str], running: bool, told: str, shell: Shell
) -> None:
    questions = shell.folder / "questions.txt"
    questions.write_text("What is a bucket?")
    if running:
        Endpoint("http://x", "", "", "", "sk-slip-k", "m").write(shell.folder / "local" / "endpoint.json")

    ran = shell.run(
        *command, "docs", "--queries", str(questions), OPENSEARCH_URL="", SLIPSTREAM_SEARCH_ENDPOINT=""
    )  # fmt: skip

    assert ran.exit_code == 1
    assert told in ran.stderr

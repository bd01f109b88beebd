"""On a machine that can have no search engine the stack says so, and its deployed functions search all the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.gateway_client import call, complete
from cli.target import Target
from local.opensearch.choice import DIFFERS
from local.places import Places
from local.session import session

ENGINES = {"docker", "mvn"}
PAGES = {
    "queues.md": "A queue holds messages until a consumer takes them.",
    "tables.md": "A table holds items under keys, and streams tell of their changes.",
}


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All commands of this machine but those that could bring an engine; no artifacts, and none installed."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for folder in os.get_exec_path():
        for command in Path(folder).glob("*") if Path(folder).is_dir() else ():
            if command.name not in ENGINES and not (commands / command.name).is_symlink():
                (commands / command.name).symlink_to(command)
    monkeypatch.setenv("PATH", str(commands))
    monkeypatch.setenv("SLIPSTREAM_MAVEN_REPOSITORY", str(tmp_path / "m2"))
    monkeypatch.setenv("SLIPSTREAM_OPENSEARCH_CACHE", str(tmp_path / "cache"))
    for name in ("OPENSEARCH_URL", "SLIPSTREAM_SEARCH"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("bare_machine")
def test_the_double_takes_over_aloud_and_is_filled_and_asked_as_an_engine(tmp_path: Path) -> None:
    said: list[str] = []

    with session(Places(tmp_path / "stack"), said.append) as found:
        target = Target(found.base_url, found.api_key)
        call(target, "PUT", "/v1/indexes/docs", {"dimensions": 256})
        documents = [{"id": name, "text": text} for name, text in PAGES.items()]
        loaded = call(target, "POST", "/v1/indexes/docs/documents", {"documents": documents})
        results = call(target, "POST", "/v1/search", {"index": "docs", "query": "What tells of changes to items?"})
        asked = [{"role": "user", "content": "What does a queue hold?"}]
        answer = complete(target, {"model": "rag:docs", "messages": asked, "max_tokens": 60})

    why, differs = said[:2]
    assert why.startswith("no OpenSearch: there is no `docker` command; ")
    assert why.endswith("; searches run on the in-memory double")
    assert differs == DIFFERS
    assert found.search_engine == "memory"
    assert (loaded["added"], loaded["failed"]) == (2, [])
    assert results["results"][0]["document"] == "tables.md"
    assert "messages" in answer.text
    assert answer.report["rag"]["citations"][0]["document"] == "queues.md"

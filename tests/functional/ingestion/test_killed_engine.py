"""The engine dies in the middle of ``slipstream index load`` and comes back on the same data."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from slipstream.aws.document_index import OpenSearchDocuments, connect
from slipstream.retrieval.document import Document
from slipstream.retrieval.ports import Failed
from tests.functional.ingestion.own_engine import OwnEngine
from tests.functional.ingestion.test_routes import routes
from tests.http_routes import serving

INDEX, COUNT = "docs", 300


class Watched(OpenSearchDocuments):
    """``before_write`` runs before each write."""

    before_write: Callable[[], None] = staticmethod(lambda: None)

    def write(
        self, index: str, documents: Iterable[Document], *, generation: str | None = None, if_absent: bool = False
    ) -> list[Failed]:
        """See DocumentIndex."""
        self.before_write()
        return super().write(index, documents, generation=generation, if_absent=if_absent)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[OwnEngine]:
    made = OwnEngine(tmp_path / "engine")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    lines = [
        json.dumps({"id": f"{n:03d}", "text": f"Page {n}.\n\n" + f"Text of page {n}. " * 60}) for n in range(COUNT)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience costs attempts, not time."""
    monkeypatch.setattr("cli.loading.FIRST_WAIT_S", 0.0)
    monkeypatch.setattr("slipstream.retrieval.writing.FIRST_WAIT_S", 0.0)


@pytest.mark.timeout(600)
def test_a_load_that_the_engine_left_says_so_and_goes_on_when_it_is_run_again(engine: OwnEngine, corpus: Path) -> None:
    client = connect(engine.url)
    index = Watched(client)
    index.before_write = killing(engine, at=6)
    with serving(routes(index)) as url:

        def run(*arguments: str) -> Result:
            environ = {"SLIPSTREAM_BASE_URL": url, "SLIPSTREAM_API_KEY": "sk-slip-k"}
            return CliRunner().invoke(main, ["index", *arguments], env=environ)

        assert run("create", INDEX, "--dimensions", "256").exit_code == 0
        broken = run("load", INDEX, str(corpus), "--json")
        engine.start()
        there = index.versions(INDEX)
        resumed = run("load", INDEX, str(corpus), "--json")

    told, first = json.loads(resumed.stdout), json.loads(broken.stdout)
    assert broken.exit_code == 1
    assert "the search engine cannot be reached" in broken.stderr
    assert "run the same command again, and it goes on from there" in broken.stderr
    assert first["added"] <= len(there) < COUNT
    assert len(there) > 0
    assert (resumed.exit_code, told["unchanged"], told["added"]) == (0, len(there), COUNT - len(there))
    assert everything(index) == {f"{n:03d}": f"Page {n}." for n in range(COUNT)}
    client.close()


def killing(engine: OwnEngine, *, at: int) -> Callable[[], None]:
    """Kills the engine when the write number ``at`` is about to be sent, beside others that are under way."""
    left, lock = iter(range(at)), threading.Lock()
    dead = threading.Event()

    def before_write() -> None:
        with lock:
            if next(left, None) is None and not dead.is_set():
                dead.set()
                engine.kill()

    return before_write


def everything(index: OpenSearchDocuments) -> dict[str, Any]:
    """Document id → the first words of its first passage; each document counted by the engine itself, too."""
    (generation,) = index.generations(INDEX)
    assert generation.documents == COUNT
    found = index.read(INDEX, [f"{n:03d}" for n in range(COUNT)])
    assert len(found) == COUNT
    return {each.id: each.passages[0].text.partition("\n")[0] for each in found}

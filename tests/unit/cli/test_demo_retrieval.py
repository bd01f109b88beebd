"""`slipstream demo retrieval`: over the gateway's own routes, with an index in memory and a small sample."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.demonstrations import retrieval
from local.places import ROOT
from local.samples import samples
from slipstream.errors import NoSearchEngine, SlipstreamError
from slipstream.fakes.embedder import HashingEmbedder
from slipstream.fakes.metrics import MemoryMetrics
from slipstream.fakes.model import ScriptedModels
from slipstream.gateway.app import create_app
from slipstream.gateway.exchange import Gateway
from slipstream.gateway.http import HttpRequest, Principal
from slipstream.gateway.openai.errors import encode
from slipstream.gateway.pipeline import Pipeline
from slipstream.models.aliases import DEFAULT_ALIASES
from slipstream.models.catalogue import load
from slipstream.models.prompt_plan import PromptPlanner
from slipstream.models.resolve import Resolver
from slipstream.retrieval.retrieve import Retriever
from tests.unit.cli.conftest import Shell
from tests.unit.cli.test_demonstrations import printed
from tests.unit.gateway.scripted import ScriptedPassthrough, drain
from tests.unit.retrieval.test_indexes_api import Desk

ADMIN = Principal("k", scopes=frozenset({"admin", "invoke"}))


class Served:
    """Both functions of a deployment over one index in memory; ``search`` False: no engine stands behind them."""

    def __init__(self) -> None:
        self.search = True
        self.desk = Desk()
        resolver = Resolver(load(), DEFAULT_ALIASES, region="us-east-1")
        embedder, metrics, models = HashingEmbedder(), MemoryMetrics(), ScriptedModels()
        retriever = Retriever(index=self.desk.index, embedder=embedder, target=resolver.target)
        pipeline = Pipeline(
            resolver=resolver,
            planner=PromptPlanner(),
            models=models,
            metrics=metrics,
            region="us-east-1",
            finds=lambda: retriever,
        )
        self.chat = create_app(
            Gateway(
                pipeline=pipeline,
                resolver=resolver,
                catalogue=load(),
                embedder=embedder,
                passthrough=ScriptedPassthrough(NoSearchEngine("not played")),
                metrics=metrics,
                version="1",
                aliases=DEFAULT_ALIASES,
                finds=lambda: retriever,
            )
        )
        self.asked: list[tuple[str, Any]] = []

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append((path, json.loads(body) if body else None))
        path, _, query = path.partition("?")
        pairs = dict(part.split("=", 1) for part in query.split("&") if part)
        headers = {"content-type": "application/json"}
        request = HttpRequest(method, path, headers, body, query=pairs, principal=ADMIN)
        if not path.startswith("/v1/indexes"):
            response = self.chat(request)
            return response.status, drain(response)
        try:
            if not self.search:
                raise NoSearchEngine("this deployment has no search engine")
            status, told = self.desk.api(request)
        except SlipstreamError as error:
            status, _, raw = encode(error)
            return status, raw
        return status, json.dumps(told).encode()


@pytest.fixture
def served() -> Iterator[tuple[Served, str]]:
    made = Served()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, raw = made.answer(self.command, self.path, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815  the base class looks these up

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=partial(http.serve_forever, 0.01), daemon=True).start()
        yield made, f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


@pytest.fixture
def demo(
    shell: Shell, served: tuple[Served, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    folder = tmp_path / "sample"
    cut = ["cut", str(ROOT / "samples" / "aws-guides"), str(folder), "--questions", "4", "--pages", "10"]
    assert CliRunner().invoke(samples, cut).exit_code == 0
    monkeypatch.setattr("cli.sample_index.FOLDER", folder)
    online = Shell(shell.folder, {**shell.env, "SLIPSTREAM_BASE_URL": served[1], "SLIPSTREAM_API_KEY": "sk-slip-k"})
    return lambda *arguments: online.run("demo", "retrieval", *arguments)


def test_it_loads_the_samples_asks_every_question_and_shows_an_answer_with_its_waterfall(demo: Any) -> None:
    result = demo()

    assert result.exit_code == 0, result.output
    for shown in ("10 pages", "BM25", "dense", "fused", "re-ranked", "All 4 questions", "MRR@10", "retrieve"):
        assert shown in result.output
    assert retrieval.QUESTION in result.output


def test_its_figures_are_counts_and_ranks_of_the_page_that_answers(demo: Any) -> None:
    found = json.loads(demo("--json").stdout)

    assert found["load"]["added"] == 10
    assert len(found["questions"]) == 4
    assert set(found["summary"]) == set(retrieval.WAYS)
    for way in ("bm25", "fused", "reranked"):
        ranks = [one["ranks"].get(way) for one in found["questions"]]
        assert found["summary"][way]["first"] == ranks.count(1)
    assert found["summary"]["reranked"]["within_5"] >= 3
    assert "retrieve" in found["answer"]["spans_ms"]


def test_a_second_run_loads_nothing(demo: Any, served: tuple[Served, str]) -> None:
    demo()
    found = json.loads(demo("--json").stdout)

    assert (found["load"]["added"], found["load"]["unchanged"]) == (0, 10)


def test_a_gateway_that_is_not_local_is_never_asked_for_bedrocks_re_ranker(
    demo: Any, served: tuple[Served, str]
) -> None:
    demo()

    searches = [body for path, body in served[0].asked if path == "/v1/search"]
    assert {body["retrieval"]["rerank"] for body in searches} == {"off", "local"}


def test_without_a_search_engine_it_ends_with_the_gateways_words(demo: Any, served: tuple[Served, str]) -> None:
    served[0].search = False

    result = demo()

    assert result.exit_code == 1
    assert "no search engine" in result.output


def test_a_page_that_was_not_found_counts_against_every_mean() -> None:
    ranks = {"bm25": 1, "dense": 4, "fused": 2}
    found = {
        "questions": [{"question": "Why?", "ranks": ranks}, {"question": "When?", "ranks": {"bm25": 2}}],
        "summary": {way: retrieval._summary([ranks.get(way), 2 if way == "bm25" else None]) for way in retrieval.WAYS},
    }

    assert found["summary"]["bm25"] == {"first": 1, "within_5": 2, "not_found": 0, "mrr@10": 0.75}
    assert found["summary"]["dense"] == {"first": 0, "within_5": 1, "not_found": 1, "mrr@10": 0.125}
    shown = printed(found, retrieval)
    assert "Bedrock" not in shown
    assert "0.750" in shown

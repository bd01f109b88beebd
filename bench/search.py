"""What ``/v1/search`` takes beside its parts, over a judged set in a real OpenSearch.

One at a time: the gateway's answer, the embedding of a question and one bare round trip to the engine (the same
``_msearch`` that the gateway sends) take turns, in an order drawn anew each time, over kept-alive connections. Each
question is asked with a number behind it, so that neither the model service nor the gateway remembers its vector. The
goal is the embedding plus the round trip plus 5 ms. Eight at a time: the questions as they are, their vectors
remembered by the gateway; errors, answers that differ from those given one at a time, and CPU a query of the gateway's
process and of the engine. Embedding is computed (all-MiniLM-L6-v2), nothing is modelled.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from bench.load import Target, closed_loop, run_loop
from bench.overhead import SERVE, difference, gateway_environ, post
from bench.processes import Running, cpu_ms, family, running
from bench.results import spread
from local.bedrock.minilm import MiniLm, sized
from slipstream.aws.search_query import lines
from slipstream.chat.retrieval_options import DEFAULTS
from slipstream.retrieval.judged import JudgedSet, read_set
from slipstream.retrieval.ports import IndexSpec
from slipstream.retrieval.question.prepare import prepare
from slipstream.retrieval.retrieve import engine_query

RUN = Path("build/bench/run")
SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "aws-guides"
SPEC = IndexSpec()
ROUNDS = 3
"""Times that each question is asked on each way, after one round that only warms up."""
CLIENTS, EACH = 8, 8
"""Requests at once, and how often each of them is repeated before the next questions' turn."""
TOLD = re.compile(rb'"(document":"(?:[^"\\]|\\.)+|missing":[^\]]+)')
"""What an answer is compared by: its passages' documents, and which leg or stage was left out."""
HERE = "127.0.0.1"


class NoEngine(RuntimeError):
    """There is no OpenSearch to measure; the message says why."""


@dataclass(frozen=True)
class Engine:
    """A running OpenSearch; ``pid`` 0 where it is somebody else's, whose CPU cannot be read."""

    kind: str
    url: str
    pid: int

    def cpu_ms(self) -> float:
        """CPU so far, in ms."""
        return sum(map(cpu_ms, family(self.pid))) if self.pid else 0.0


class Way:
    """A kept-alive connection that sends prepared bodies to one path."""

    def __init__(self, port: int, path: str, kind: str = "application/json", host: str = HERE) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=60)
        self._path = path
        self._headers = {"content-type": kind, "authorization": "Bearer none"}

    def ask(self, body: bytes) -> tuple[float, bytes]:
        """Milliseconds from just before the request to the answer's last byte, and the answer."""
        began_s = perf_counter()
        self._connection.request("POST", self._path, body, self._headers)
        response = self._connection.getresponse()
        raw = response.read()
        took_ms = (perf_counter() - began_s) * 1000
        if response.status != 200:
            raise RuntimeError(f"{self._path} answered {response.status}: {raw[:300].decode(errors='replace')}")
        return took_ms, raw


def run(*, data: Path = SAMPLES, tick: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Load ``data`` (a folder of the evaluation's format) and measure. Raises NoEngine, InvalidRequest."""
    judged = read_set(data)
    with ExitStack() as stack:
        engine = stack.enter_context(_engine())
        index, passages = stack.enter_context(_loaded(judged, engine.url))
        double = stack.enter_context(
            running(
                [sys.executable, "-m", "local.bedrock", "--first-token-ms", "0"],
                environ={}, folder=RUN, name="search-double",
            )
        )  # fmt: skip
        environ = gateway_environ(double.port) | {"SLIPSTREAM_SEARCH_ENDPOINT": engine.url}
        host = stack.enter_context(running(SERVE, environ=environ, folder=RUN, name="search-gateway"))
        return {
            "data": judged.name, "documents": len(judged.documents), "passages": passages, "engine": engine.kind,
            "one_at_a_time": _one_at_a_time(judged, index, engine, double.port, host, tick),
            "eight_at_once": _eight_at_once(judged, index, engine, host, tick),
        }  # fmt: skip


def table(result: dict[str, Any]) -> Any:
    """The figures beside the goals, for people."""
    from rich.box import SIMPLE
    from rich.table import Table

    one, eight = result["one_at_a_time"], result["eight_at_once"]
    title = f"{result['data']}: {result['documents']:,} documents, {result['passages']:,} passages"
    shown = Table("", "p50", "p95", "p99", title=title, title_justify="left", box=SIMPLE)
    for name in ("embedding", "engine", "search"):
        shown.add_row(f"{name}, ms", *(f"{value:.1f}" for value in one[f"{name}_ms"].values()))
    added = one["added_ms"]
    interval = f"({added['p50_low_95']:.1f} to {added['p50_high_95']:.1f})"
    shown.add_row("search over embedding + engine, ms (goal: 5)", f"{added['p50']:.1f}", interval)
    shown.add_row("CPU a query, ms: gateway", f"{one['gateway_cpu_ms_per_query']:.1f}")
    shown.add_section()
    shown.add_row(f"{CLIENTS} at once, ms", *(f"{value:.1f}" for value in eight["search_ms"].values()))
    wrong = f"{eight['errors']}; {eight['incomplete']}; {eight['differing']}"
    shown.add_row("errors (goal: 0); a stage was late; other passages than alone", wrong)
    engine_ms = eight["engine_cpu_ms_per_query"]
    shown.add_row("CPU a query, ms: gateway (goal: 6)", f"{eight['gateway_cpu_ms_per_query']:.1f}")
    shown.add_row("CPU a query, ms: engine", "unknown" if engine_ms is None else f"{engine_ms:.1f}")
    return shown


def _one_at_a_time(
    judged: JudgedSet, index: str, engine: Engine, double_port: int, host: Running, tick: Callable[[], None]
) -> dict[str, Any]:
    url = urlsplit(engine.url)
    ways = {
        "search": Way(host.port, "/v1/search"),
        "embedding": Way(double_port, f"/model/{SPEC.embedding_model}/invoke"),
        "engine": Way(url.port or 80, "/_msearch", "application/x-ndjson", url.hostname or HERE),
    }
    bodies = list(_bodies(judged, index))
    took: dict[str, list[float]] = {name: [] for name in ways}
    spans: list[dict[str, float]] = []
    order, first = random.Random(0), len(judged.questions)
    for number, body in enumerate(bodies):
        if number == first:
            cpu_before = host.cpu_ms()
        for name in order.sample(list(ways), len(ways)):
            ms, raw = ways[name].ask(body[name])
            took[name].append(ms)
            if name == "search":
                spans.append(json.loads(raw)["slipstream"]["spans_ms"])
            tick()
    used_ms = host.cpu_ms() - cpu_before
    took = {name: values[first:] for name, values in took.items()}
    parts = [sum(both) for both in zip(took["embedding"], took["engine"], strict=True)]
    names = dict.fromkeys(name for each in spans[first:] for name in each)
    return {
        **{f"{name}_ms": spread(values) for name, values in took.items()},
        "parts_ms": spread(parts),
        "added_ms": difference(parts, took["search"], 0.5, "p50"),
        "spans_p50_ms": {name: spread([each.get(name, 0.0) for each in spans[first:]])["p50"] for name in names},
        "gateway_cpu_ms_per_query": round(used_ms / len(parts), 2),
        "queries": len(parts),
    }


def _bodies(judged: JudgedSet, index: str) -> Iterator[dict[str, bytes]]:
    """What each way is sent, turn by turn; no text is embedded twice by the same process."""
    model = MiniLm()
    number = 100_000
    for _ in range(ROUNDS + 1):
        for question in judged.questions:
            number += 3
            texts = [f"{question.text} {number + each}" for each in range(3)]
            prepared = prepare(texts[2])
            vector = tuple(sized(model.embed(prepared.meaning), SPEC.dimensions, normalize=True))
            yield {
                "search": json.dumps({"index": index, "query": texts[0]}).encode(),
                "embedding": json.dumps(
                    {"inputText": texts[1], "dimensions": SPEC.dimensions, "normalize": True}
                ).encode(),
                "engine": lines(index, engine_query(prepared, vector, DEFAULTS))[1],
            }


def _eight_at_once(
    judged: JudgedSet, index: str, engine: Engine, host: Running, tick: Callable[[], None]
) -> dict[str, Any]:
    alone = Way(host.port, "/v1/search")
    asked = [{"index": index, "query": question.text} for question in judged.questions]

    def told() -> list[bytes]:
        return [b"".join(TOLD.findall(alone.ask(json.dumps(body).encode())[1])) for body in asked]

    before = told()
    targets = [
        Target("search", HERE, host.port, post(HERE, host.port, "/v1/search", body, None), TOLD) for body in asked
    ]
    samples, answers, seconds = [], [], 0.0
    cpu_before, engine_before = host.cpu_ms(), engine.cpu_ms()
    for at in range(0, len(targets) - CLIENTS + 1, CLIENTS):
        began_s = perf_counter()
        some = targets[at : at + CLIENTS]
        found = run_loop(closed_loop(some, concurrency=CLIENTS, requests=CLIENTS * EACH, progress=tick))
        seconds += perf_counter() - began_s
        answers += [(at + each.client, each.text) for each in found if not each.error]
        samples += found
    used_ms, engine_ms = host.cpu_ms() - cpu_before, engine.cpu_ms() - engine_before
    after = told()  # the engine may have merged segments meanwhile, and its graphs with them
    incomplete = [text for _, text in answers if b'missing":' in text]
    differing = [text for number, text in answers if text not in (before[number], after[number], *incomplete)]
    good = [each.total_ms for each in samples if not each.error]
    return {
        "search_ms": spread(good), "queries": len(samples), "errors": len(samples) - len(good),
        "incomplete": len(incomplete), "differing": len(differing),
        "queries_per_s": round(len(good) / seconds, 1),
        "gateway_cpu_ms_per_query": round(used_ms / len(samples), 2),
        "engine_cpu_ms_per_query": round(engine_ms / len(samples), 2) if engine.pid else None,
    }  # fmt: skip


@contextmanager
def _engine() -> Iterator[Engine]:
    """The machine's engine. Raises NoEngine."""
    from local.opensearch.shared import shared
    from local.places import Places

    folder = Path("build/bench-opensearch")
    with shared(folder) as found:
        if not found.url:
            raise NoEngine(f"/v1/search is measured over a real engine. {found.why}")
        processes = Places(folder).processes
        parts: dict[str, int] = json.loads(processes.read_text())["parts"] if processes.exists() else {}
        yield Engine(found.kind, found.url, parts.get("opensearch", 0) if found.kind == "maven" else 0)


@contextmanager
def _loaded(judged: JudgedSet, url: str) -> Iterator[tuple[str, int]]:
    """An index of its own with the whole set, its graphs in memory; its name, and its passages."""
    from cli.evaluation_set import load
    from local.vectors import VectorCache
    from slipstream.aws.document_index import OpenSearchDocuments, connect

    client = connect(url)
    documents, index = OpenSearchDocuments(client), f"bench-{uuid.uuid4().hex[:12]}"

    def progress(what: str, done: int, whole: int) -> None:
        if done % 500 == 0 or done == whole:
            print(f"  {what}: {done:,} of {whole:,}", file=sys.stderr)

    try:
        passages = load(judged, index, documents, VectorCache(), progress, SPEC)
        documents.warm_up(index)
        yield index, passages
    finally:
        documents.drop(index)
        client.close()

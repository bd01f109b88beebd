"""Answers to another wording: what finding a question takes, and what looking by meaning adds to a miss.

Finding is measured in this process, over made-up vectors in groups, as many as one environment remembers of a family.
Adding is measured through the threaded host, its cache in memory: the same requests with and without a look by meaning
take turns, each question asked once. The model service is the local double, whose pace is *modelled*; its vectors are
computed (all-MiniLM-L6-v2), which takes this machine's time. The index is the in-memory double's, so that a
search takes less than an engine's: what it hides, an engine hides as well.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from time import perf_counter
from typing import Any

from bench.load import SSE_TEXT, Sample, Target, closed_loop, run_loop
from bench.overhead import FOLDER, SERVE, difference, gateway_environ, post
from bench.processes import running
from bench.results import spread
from local.opensearch.choice import double_engine
from local.opensearch.probe import wait_until_healthy
from local.parts import free_port
from local.places import LOOPBACK
from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.ports import Known
from slipstream.caching.semantic.question_index import MOST, QuestionIndex
from slipstream.caching.semantic.reading import read
from slipstream.caching.semantic.vectors import packed
from slipstream.caching.semantic.verifier import Verifier, shipped
from slipstream.retrieval.ports import IndexSpec

PATH = "/v1/chat/completions"
PACE_MS = 60
PACE = ["--first-token-ms", str(PACE_MS), "--output-tokens", "20"]
WAYS = {
    "plain": {"model": "fast", "slipstream": {"cache": "exact"}},
    "plain_semantic": {"model": "fast", "slipstream": {"cache": "semantic"}},
    "rag": {"model": "rag:guides@fast", "slipstream": {"cache": "exact"}},
    "rag_semantic": {"model": "rag:guides@fast", "slipstream": {"cache": "semantic"}},
}
THINGS = (
    "a queue",
    "a table",
    "a function",
    "a bucket",
    "an alarm",
    "a role",
    "a stream",
    "a key",
    "a topic",
    "a domain",
)


def run(*, rounds: int = 60, tick: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Both measurements; times in ms."""
    found = {f"{size}_dimensions": finding(size) for size in (512, 1024)}
    samples = _misses(rounds, tick)
    first = {way: [s.ttft_ms for s in samples[way] if not s.error] for way in WAYS}
    return {
        "pace": {"first_token_ms": PACE_MS, "label": "modelled"},
        "questions": MOST,
        "finding_ms": found,
        "ttft_ms": {way: spread(times) for way, times in first.items()},
        "errors": {way: sum(1 for s in samples[way] if s.error) for way in WAYS},
        "added_to_a_miss_ms": {
            "plain": difference(first["plain"], first["plain_semantic"], 0.5, "p50"),
            "rag": difference(first["rag"], first["rag_semantic"], 0.5, "p50"),
        },
    }


def finding(size: int, questions: int = MOST, searches: int = 200) -> dict[str, Any]:
    """Times of one search, of the candidate's neighbours, and of one decision; and what the questions take."""
    chance = random.Random(size)
    centres = [[chance.gauss(0, 1) for _ in range(size)] for _ in range(questions // 10)]
    vectors = [packed([value + chance.gauss(0, 0.5) for value in centres[n % len(centres)]]) for n in range(questions)]
    index = QuestionIndex()
    began = perf_counter()
    index.add(
        Known(key=f"{n:064x}", text=f"How do I use number {n} of them?", vector=vector, answer=f"{n:064x}",
              asked_s=float(n), expires_s=1e12)
        for n, vector in enumerate(vectors)
    )  # fmt: skip
    loaded_ms = (perf_counter() - began) * 1000
    verifier = Verifier(shipped())
    search_ms, around_ms, decide_ms = list[float](), list[float](), list[float]()
    for n in range(0, questions, max(1, questions // searches)):
        began = perf_counter()
        found = index.nearest(vectors[n], but=f"{n:064x}", now_s=0.0)
        search_ms.append((perf_counter() - began) * 1000)
        assert found is not None  # noqa: S101
        began = perf_counter()
        index.neighbourhood(found, but=f"{n:064x}")
        around_ms.append((perf_counter() - began) * 1000)
        began = perf_counter()
        asked = read(f"Please, how can I use number {n} of them?")
        verifier.decide(Pair(asked, read(found.known.text), found.cosine))
        decide_ms.append((perf_counter() - began) * 1000)
    return {
        "search": spread(search_ms),
        "neighbours": spread(around_ms),
        "decide": spread(decide_ms),
        "taking_in": round(loaded_ms, 1),
        "megabytes": round(index.bytes / 2**20, 1),
    }


def _misses(rounds: int, tick: Callable[[], None]) -> dict[str, list[Sample]]:
    with ExitStack() as stack:
        folder = FOLDER / "semantic-hits"
        folder.mkdir(parents=True, exist_ok=True)
        double = stack.enter_context(
            running([sys.executable, "-m", "local.bedrock", *PACE], environ={}, folder=folder, name="double")
        )
        url, engine = double_engine(free_port(), os.environ, folder / "engine.log")
        engine.start()
        stack.callback(engine.stop)
        wait_until_healthy(engine, url, lambda _: None)
        environ = gateway_environ(double.port) | {
            "SLIPSTREAM_CACHE": "on", "OPENSEARCH_URL": url, "SLIPSTREAM_CACHE_SEMANTIC_LIMIT_MS": "2000",
            "SLIPSTREAM_CACHE_LIMIT_MS": "2000",
        }  # fmt: skip
        _fill(url)
        host = stack.enter_context(running(SERVE, environ=environ, folder=folder, name="gateway"))
        return run_loop(_in_turn(host.port, rounds, tick))


def _fill(url: str) -> None:
    """An index of one small document a thing."""
    from slipstream.aws.document_index import OpenSearchDocuments, connect
    from slipstream.retrieval.document import Document, Passage

    client = connect(url)
    try:
        index = OpenSearchDocuments(client, faiss=False)
        index.create("guides", IndexSpec())
        chance = random.Random(3)
        texts = [f"It is {thing}, and number {n} of its kind, that is made for work." for n, thing in enumerate(THINGS)]
        vectors = [tuple(chance.gauss(0, 1) for _ in range(IndexSpec().dimensions)) for _ in texts]
        index.write("guides", [
            Document(f"{n}.md", f"Guide {n}", "v1", (Passage(0, text, 0, len(text), (), vector),))
            for n, (text, vector) in enumerate(zip(texts, vectors, strict=True))
        ])  # fmt: skip
        index.refresh("guides")
    finally:
        client.close()


async def _in_turn(port: int, rounds: int, tick: Callable[[], None]) -> dict[str, list[Sample]]:
    """Each way in an order drawn anew; the first rounds warm up."""
    out: dict[str, list[Sample]] = {way: [] for way in WAYS}
    order = random.Random(0)
    for number in range(rounds + 3):
        for way in order.sample(list(WAYS), len(WAYS)):
            question = f"What is {THINGS[number % len(THINGS)]} of kind {order.getrandbits(40)} made for?"
            sample = await closed_loop(Target(way, LOOPBACK, port, _request(port, way, question), SSE_TEXT),
                                       concurrency=1, requests=1, progress=tick)  # fmt: skip
            if number > 2:
                out[way] += sample
    return out


def _request(port: int, way: str, question: str) -> bytes:
    messages: Sequence[Any] = [{"role": "user", "content": question}]
    body = {"messages": messages, "stream": True, "temperature": 0, "max_tokens": 50, **WAYS[way]}
    return post(LOOPBACK, port, PATH, body, None)


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))

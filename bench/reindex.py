"""A re-index under a constant load of searches, through the whole local stack: what a reader sees of it.

Pages of a judged set are loaded with ``slipstream index load`` through the edge into the stack's engine. Readers search
all the time over HTTP, each question among eight pages of its own (a filter), so that it is known which pages have to
come; meanwhile ``slipstream index reindex`` embeds everything at another size into a new generation and swaps. A search
fails, or misses a page that it found before, or shows a passage twice, or it does not.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.caller import Caller
from bench.results import spread
from local.endpoint import Endpoint
from slipstream.retrieval.judged import JudgedSet, SourceText, read_set

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "aws-guides"
RUN = Path("build/bench/run")
READERS = 4
AMONG = 8
"""Pages that a question is asked among."""
WARMING = 20
"""Attempts at a first answer."""
AFTERWARDS = 10
"""Searches of each reader after the re-index has ended."""
COMMAND = Path(sys.executable).with_name("slipstream")


@dataclass
class Seen:
    """What the readers saw."""

    ms: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    without_a_leg: int = 0
    generations: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Asked:
    """A question among some pages, and the pages that have to come."""

    body: bytes
    pages: frozenset[str] = frozenset()


class Reader(Caller):
    """One who searches all the time, and notes what is wrong."""

    def ask(self, body: bytes) -> dict[str, Any]:
        """The search's answer. Raises as ``call`` does."""
        return self.call("POST", "/v1/search", body)

    def look(self, asked: Asked, seen: Seen) -> None:
        """Ask once and note what is wrong with the answer."""
        began_s = perf_counter()
        try:
            found = self.ask(asked.body)
        except (RuntimeError, OSError, http.client.HTTPException) as error:
            self.close()  # the next one connects anew
            seen.failed.append(str(error) or type(error).__name__)
            return
        seen.ms.append((perf_counter() - began_s) * 1000)
        seen.generations.add(found["generation"])
        if "missing" in found["slipstream"]:  # a leg took too long, and the reply says so
            seen.without_a_leg += 1
            return
        passages = [(each["document"], each["start"]) for each in found["results"]]
        if lacking := asked.pages - {document for document, _ in passages}:
            seen.missing.append(f"{found['generation']} lacks {sorted(lacking)}")
        if len(set(passages)) < len(passages):
            seen.doubled.append(f"{found['generation']}: {passages}")


def run(*, pages: int = 150, tick: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Start the local stack, measure, stop it."""
    from local.places import Places
    from local.session import session

    with session(Places((RUN / "local").resolve()), lambda line: print(f"  {line}", file=sys.stderr)) as endpoint:
        return {"engine": endpoint.search_engine, **under_load(endpoint, pages=pages, tick=tick)}


def under_load(endpoint: Endpoint, *, pages: int, tick: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Load ``pages`` of the samples into a new index of a stack that runs, re-index it under load, drop it."""
    judged = read_set(SAMPLES)
    index = f"reindex-{uuid.uuid4().hex[:8]}"
    some = judged.documents[:pages]
    _command(endpoint, "create", index, "--dimensions", "512")
    try:
        loaded = _load(endpoint, index, some)
        with closing(Reader(endpoint.base_url, endpoint.api_key)) as reader:
            asked = _questions(reader, index, judged, some)
        began_s = perf_counter()
        seen, took_s = _watched(
            endpoint, asked, lambda: _command(endpoint, "reindex", index, "--dimensions", "1024"), tick
        )
        seconds = perf_counter() - began_s
        told = json.loads(_command(endpoint, "show", index, "--json"))
    finally:
        _command(endpoint, "drop", index, "--yes")
    return {
        "pages": len(some), "passages": loaded["passages"], "load_s": round(loaded["seconds"], 1),
        "reindex_s": round(took_s, 1), "readers": READERS, "queries": len(seen.ms) + len(seen.failed),
        "queries_per_s": round(len(seen.ms) / seconds, 1), "search_ms": spread(seen.ms),
        "slowest_ms": round(max(seen.ms, default=0.0), 1),
        "failed": len(seen.failed), "with_missing_pages": len(seen.missing), "with_doubled_passages": len(seen.doubled),
        "without_a_leg": seen.without_a_leg, "generations_seen": len(seen.generations),
        "documents_afterwards": told["documents"], "dimensions_afterwards": told["spec"]["dimensions"],
        "wrong": [*seen.failed, *seen.missing, *seen.doubled][:5],
    }  # fmt: skip


def _load(endpoint: Endpoint, index: str, pages: Sequence[SourceText]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        lines = [json.dumps({"id": page.id, "title": page.title, "text": page.text}) for page in pages]
        (corpus := Path(folder, "corpus.jsonl")).write_text("\n".join(lines), encoding="utf-8")
        return dict(json.loads(_command(endpoint, "load", index, str(corpus), "--json")))


def _questions(reader: Reader, index: str, judged: JudgedSet, pages: Sequence[SourceText]) -> list[Asked]:
    """Each question among pages of its own, with those that it finds before anything happens."""
    asked = []
    for number, question in enumerate(judged.questions):
        among = [pages[(number * AMONG + step) % len(pages)].id for step in range(AMONG)]
        only = {"passages": 20, "filters": [{"field": "id", "any_of": among}]}
        body = json.dumps({"index": index, "query": question.text, "retrieval": only}).encode()
        found = frozenset(each["document"] for each in _whole(reader, body)["results"])
        if len(found) < AMONG - 1:  # a page that only repeats another may be left out
            raise RuntimeError(f"'{question.text}' finds {len(found)} of the {AMONG} pages that it is asked among")
        asked.append(Asked(body, found))
    return asked


def _whole(reader: Reader, body: bytes) -> dict[str, Any]:
    """The answer of both legs; a cold function's first embeddings may come too late. Raises RuntimeError."""
    for _ in range(WARMING):
        found = reader.ask(body)
        if "missing" not in found["slipstream"]:
            return found
    raise RuntimeError(f"a search has no answer of both legs: {found['slipstream']}")


def _watched(
    endpoint: Endpoint, asked: Sequence[Asked], change: Callable[[], object], tick: Callable[[], None]
) -> tuple[Seen, float]:
    """What readers saw that searched all the time while ``change`` ran, and for how many seconds it did."""
    seen, over = Seen(), threading.Event()

    def read(number: int) -> None:
        at, left = number, AFTERWARDS
        with closing(Reader(endpoint.base_url, endpoint.api_key)) as reader:
            while left:
                reader.look(asked[at % len(asked)], seen)
                tick()
                at += READERS
                left -= over.is_set()

    readers = [threading.Thread(target=read, args=(number,)) for number in range(READERS)]
    for each in readers:
        each.start()
    began_s = perf_counter()
    try:
        change()
    finally:
        took_s = perf_counter() - began_s
        over.set()
        for each in readers:
            each.join()
    return seen, took_s


def _command(endpoint: Endpoint, *arguments: str) -> str:
    """What ``slipstream index …`` prints. Raises RuntimeError with its complaint."""
    environ = os.environ | {"SLIPSTREAM_BASE_URL": endpoint.base_url, "SLIPSTREAM_API_KEY": endpoint.api_key}
    command = [str(COMMAND), "index", *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout

"""How much of the machine's bare embedding rate a load keeps, and how much quicker a second load is.

*Bare* is the same number of passages of the same kind, cut beforehand, embedded by the same calls side by side, and
nothing else. *Load* is a folder of Markdown files through everything: read, hash, compare, parse, cut, embed, write to
the search engine (a real one where the machine has it, else the one in memory, which the result says). *Again* is the
same load over the unchanged folder. Every passage is new to the embedding model, whose server remembers texts. Rounds
are interleaved, so that the machine's noise falls on both alike.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.overhead import gateway_environ
from bench.processes import running
from slipstream.aws.bedrock import BedrockModels
from slipstream.aws.credentials import CredentialSource
from slipstream.aws.sigv4 import Signer
from slipstream.aws.transport import Transport
from slipstream.models.embedding import Embedder
from slipstream.models.resolve import Resolver
from slipstream.retrieval.chunking import chunk
from slipstream.retrieval.document import Document
from slipstream.retrieval.drafts import drafts
from slipstream.retrieval.folder import Folder
from slipstream.retrieval.ingest import Ingestion
from slipstream.retrieval.ingest_report import Report
from slipstream.retrieval.passage_vectors import PassageVectors
from slipstream.retrieval.ports import DocumentIndex, IndexSpec

RUN = Path("build/bench/run")
SOURCES = Path(__file__).resolve().parents[1] / "docs"
SIDE_BY_SIDE = 8
SPEC = IndexSpec()
resolve = Resolver(region="us-east-1").target


def run(*, rounds: int = 4, documents: int = 60, tick: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Interleaved rounds of bare embedding, load and load again; medians, and each round's figures."""
    with ExitStack() as stack:
        double = stack.enter_context(
            running([sys.executable, "-m", "local.bedrock"], environ={}, folder=RUN, name="ingestion-double")
        )
        environ = gateway_environ(double.port)
        transport = Transport()
        stack.callback(transport.restore)
        signer = Signer(CredentialSource(environ), "us-east-1")
        endpoints = {"bedrock-runtime": environ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"]}
        embedder = BedrockModels(region="us-east-1", auth=signer, transport=transport, endpoints=endpoints)
        kind, index = stack.enter_context(_engine())
        _bare(_pages(seed=0, count=8), embedder)  # loads the model
        found = []
        for number in range(1, rounds + 1):
            bare, loads = (_pages(seed=2 * number + at, count=documents) for at in (0, 1))
            steps: list[Callable[[], dict[str, Any]]] = [
                lambda pages=bare: _bare(pages, embedder),  # type: ignore[misc]
                lambda pages=loads: _loads(pages, embedder, index),  # type: ignore[misc]
            ]
            one: dict[str, Any] = {}
            for step in steps if number % 2 else reversed(steps):
                one |= step()
                tick()
            one["share_of_bare"] = round(one["load_passages_per_s"] / one["bare_passages_per_s"], 3)
            found.append(one)
    middle = {name: round(statistics.median(each[name] for each in found), 3) for name in found[0]}
    return {"engine": kind, "side_by_side": SIDE_BY_SIDE, "documents": documents, **middle, "rounds": found}


def _bare(pages: dict[str, str], embedder: Embedder) -> dict[str, Any]:
    documents = [Document(name, "", "", chunk(text)) for name, text in pages.items()]
    vectors = PassageVectors(embedder, resolve, side_by_side=SIDE_BY_SIDE)
    began_s = perf_counter()
    futures = [future for document in documents for future in vectors.of(document, SPEC, {})[0]]
    vectors.flush()
    for future in futures:
        future.result()
    seconds = perf_counter() - began_s
    vectors.close()
    return {"bare_passages_per_s": len(futures) / seconds}


def _loads(pages: dict[str, str], embedder: Embedder, index: DocumentIndex) -> dict[str, Any]:
    name = f"bench-{uuid.uuid4().hex[:12]}"
    index.create(name, SPEC)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for file, text in pages.items():
                Path(folder, file).write_text(text, encoding="utf-8")
            first, again = (_load(Path(folder), name, embedder, index) for _ in range(2))
    finally:
        index.drop(name)
    if first.added != len(pages) or again.unchanged != len(pages):
        raise RuntimeError(f"a load went wrong: {first} {again}")
    return {
        "load_passages_per_s": first.passages_per_s, "load_s": first.seconds, "again_s": again.seconds,
        "again_factor": first.seconds / again.seconds,
    }  # fmt: skip


def _load(folder: Path, name: str, embedder: Embedder, index: DocumentIndex) -> Report:
    ingestion = Ingestion(index, name, embedder, resolve)
    return ingestion.run(drafts(Folder(folder).items()))


@contextmanager
def _engine() -> Iterator[tuple[str, DocumentIndex]]:
    """The machine's engine, or the one in memory."""
    from local.opensearch.shared import shared

    with shared(Path("build/bench-opensearch")) as found:
        if found.url:
            from slipstream.aws.document_index import OpenSearchDocuments, connect

            client = connect(found.url)
            try:
                yield found.kind, OpenSearchDocuments(client)
            finally:
                client.close()
        else:
            from slipstream.fakes.passage_index import MemoryIndex

            yield f"in memory: {found.why}", MemoryIndex()


def _pages(*, seed: int, count: int) -> dict[str, str]:
    """Markdown pages of a few sections, of this project's own documentation's paragraphs with their words shuffled."""
    source = random.Random(seed)
    text = "\n\n".join(path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("*.md")))
    paragraphs = [each for each in text.split("\n\n") if each[:1].isalpha() and len(each) > 200]
    pages = {}
    for number in range(count):
        blocks = [f"# Page {seed} {number}"]
        for section in range(source.randint(2, 6)):
            words = source.choice(paragraphs).split()
            source.shuffle(words)
            blocks += [f"## Section {section}", " ".join(words)]
        pages[f"{number:05d}.md"] = "\n\n".join(blocks) + "\n"
    return pages

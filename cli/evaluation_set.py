"""A judged set made searchable: chunked, embedded (from the cache where it was before), written, and asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from time import perf_counter

import msgspec

from local.bedrock.minilm import sized
from local.vectors import VectorCache
from slipstream.chat.retrieval_options import DEFAULTS
from slipstream.disconnect import NEVER
from slipstream.retrieval.chunking import chunk
from slipstream.retrieval.described import described
from slipstream.retrieval.document import Document, embedding_text, explained
from slipstream.retrieval.evaluation import Searched
from slipstream.retrieval.judged import JudgedSet, Question
from slipstream.retrieval.ports import DocumentIndex, IndexSpec, PassageIndex
from slipstream.retrieval.question import acronyms
from slipstream.retrieval.question.prepare import prepare
from slipstream.retrieval.retrieve import engine_query
from slipstream.telemetry.waterfall import Waterfall

EMBEDDED_AT_ONCE = 1000
SPEC = IndexSpec(embedding_model="all-MiniLM-L6-v2", dimensions=384)

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""
Embed = Callable[[str, IndexSpec], tuple[float, ...]]
"""A question's vector, by the index's own model."""


class Timings(msgspec.Struct):
    """Milliseconds of each stage, one value a question."""

    prepare: list[float] = []
    embed: list[float] = []
    search: list[float] = []


def load(
    judged: JudgedSet, index: str, engine: DocumentIndex, vectors: VectorCache, progress: Progress,
    spec: IndexSpec = SPEC,
) -> int:  # fmt: skip
    """Write the set's documents into a new ``index``; how many passages they have. Of a ``spec`` with more dimensions
    the vectors are those that the local Bedrock server gives.
    """
    engine.create(index, spec)
    documents = [_document(source.id, source.title, source.text) for source in judged.documents]
    texts = [embedding_text(document, passage) for document in documents for passage in document.passages]
    rows = iter(_embedded(texts, vectors, spec.dimensions, progress))
    for number, document in enumerate(documents, 1):
        passages = tuple(msgspec.structs.replace(passage, vector=next(rows)) for passage in document.passages)
        failed = engine.write(index, [msgspec.structs.replace(document, passages=passages)])
        if failed:
            raise RuntimeError(f"the engine refused {failed[0].document_id}: {failed[0].reason}")
        progress("index", number, len(documents))
    engine.learn(index, acronyms.learn(text for document in documents for text in explained(document)))
    engine.refresh(index)
    return len(texts)


def ask(
    questions: Sequence[Question], relevance: Mapping[str, dict[str, float]], index: str, engine: PassageIndex,
    embed: Embed, progress: Progress, off: frozenset[str] = frozenset(), timings: Timings | None = None,
) -> list[Searched]:  # fmt: skip
    """Ask each question once, its steps ``off`` left out, with what the index knows of its words.

    ``relevance``: of each question's id, its documents'. Raises what the engine says.
    """
    asked = []
    known = described(engine.describe(index, Waterfall(), NEVER))
    spec = known.generation.spec
    for number, question in enumerate(questions, 1):
        began = perf_counter()
        prepared = prepare(question.text, vocabulary=known.vocabulary, off=off, language=spec.language)
        ready = perf_counter()
        vector = embed(prepared.meaning, spec)
        embedded = perf_counter()
        legs = engine.search(index, engine_query(prepared, vector, DEFAULTS), Waterfall(), NEVER)
        if timings is not None:
            for name, start, end in (
                ("prepare", began, ready), ("embed", ready, embedded), ("search", embedded, perf_counter()),
            ):  # fmt: skip
                getattr(timings, name).append((end - start) * 1000)
        asked.append(Searched(prepared, legs, relevance[question.id]))
        progress("search", number, len(questions))
    return asked


def cached(vectors: VectorCache) -> Embed:
    """Asks the local model, whatever an index names as its own: ``load`` has done the same."""

    def embed(text: str, spec: IndexSpec) -> tuple[float, ...]:
        return tuple(vectors.embed([text], workers=1)[0].tolist())

    return embed


def _document(name: str, title: str, text: str) -> Document:
    return Document(name, title, "", chunk(text, title=title))


def _embedded(
    texts: Sequence[str], vectors: VectorCache, dimensions: int, progress: Progress
) -> Iterator[tuple[float, ...]]:
    for at in range(0, len(texts), EMBEDDED_AT_ONCE):
        part = texts[at : at + EMBEDDED_AT_ONCE]
        for vector in vectors.embed(part).tolist():
            yield tuple(sized(vector, dimensions, normalize=False))
        progress("embed", at + len(part), len(texts))

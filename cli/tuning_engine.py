"""A spec measured in the engine: a scratch index beside the real one, filled, searched, and removed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter

import msgspec

from cli.engine_access import Engine
from cli.tuning_data import TOP, Corpus, Progress, Truth
from slipstream.disconnect import NEVER
from slipstream.errors import IndexNotFound, UpstreamError
from slipstream.retrieval.document import Document
from slipstream.retrieval.ports import IndexSpec
from slipstream.retrieval.search import EngineQuery
from slipstream.retrieval.tuning.candidates import label
from slipstream.retrieval.writing import Writing
from slipstream.telemetry.waterfall import Waterfall

BATCH = 200
COUNTED = 2
"""Times that each question is asked and timed, of which the shorter counts: the rest is what else the machine did."""


class Searches(msgspec.Struct, frozen=True):
    """Of every question: its recall@10 and its time in ms."""

    recalls: list[float]
    ms: list[float]


def scratch_name(index: str) -> str:
    """A name for a scratch index of ``index`` that nothing has yet.

    Each measurement has its own: another run may go on beside it, and the search adapter remembers by name whether an
    index takes bytes.
    """
    return f"{index[:32]}--tuning-{uuid.uuid4().hex[:12]}"


def in_engine(
    engine: Engine, index: str, spec: IndexSpec, corpus: Corpus, questions: Sequence[Sequence[float]], truth: Truth,
    progress: Progress,
) -> Searches:  # fmt: skip
    """Make, fill, merge and search it as the gateway's dense leg does. Raises what the engine says."""
    name = scratch_name(index)
    try:
        made = engine.documents.create(name, msgspec.structs.replace(spec, replicas=0))
        writing = Writing(engine.documents, name)
        for at in range(0, len(corpus.documents), BATCH):
            refused = writing.write([_bare(each) for each in corpus.documents[at : at + BATCH]], made.name)
            if refused:
                raise UpstreamError(
                    f"{label(spec)}: the engine refused '{refused[0].document_id}': {refused[0].reason}"
                )
            progress(label(spec), min(at + BATCH, len(corpus.documents)), len(corpus.documents))
        engine.documents.refresh(name)
        engine.documents.merge(name)
        engine.documents.warm_up(name)
        _search(engine, name, questions)  # does not count: code is compiled and pages are read
        found = [_search(engine, name, questions) for _ in range(COUNTED)]
        return _judged(truth, [min(same, key=lambda one: one[1]) for same in zip(*found, strict=True)])
    finally:
        with suppress(IndexNotFound):
            engine.documents.drop(name)


def _bare(document: Document) -> Document:
    """Without text, which makes an index twice as fast to fill and is the same to every candidate."""
    passages = tuple(msgspec.structs.replace(passage, text="", heading=()) for passage in document.passages)
    return msgspec.structs.replace(document, title="", passages=passages)


def _search(
    engine: Engine, name: str, questions: Sequence[Sequence[float]]
) -> list[tuple[list[tuple[str, int]], float]]:
    out = []
    for vector in questions:
        query = EngineQuery("", tuple(vector), size=TOP)
        began = perf_counter()
        legs = engine.passages.search(name, query, Waterfall(), NEVER)
        took_ms = (perf_counter() - began) * 1000
        out.append(([(hit.document_id, hit.ordinal) for hit in legs.dense], took_ms))
    return out


def _judged(truth: Truth, found: list[tuple[list[tuple[str, int]], float]]) -> Searches:
    rows = [[truth.row(document_id, ordinal) for document_id, ordinal in hits] for hits, _ in found]
    return Searches(truth.recalls(rows), [took_ms for _, took_ms in found])

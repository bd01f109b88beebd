"""What ``slipstream index tune`` computes: every candidate's figures, the front, and which one to take."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from cli.engine_access import Engine
from cli.tuning_data import Corpus, Progress, Truth
from cli.tuning_engine import Searches, in_engine
from slipstream.aws.search_query import NEIGHBOURS
from slipstream.retrieval.ports import IndexSpec
from slipstream.retrieval.profiling.figures import percentile
from slipstream.retrieval.tuning.candidates import label
from slipstream.retrieval.tuning.choice import Measured, Recommendation, Targets, pareto, recommend
from slipstream.retrieval.tuning.footprint import fleet, memory_bytes, prices


class Tuned(msgspec.Struct, frozen=True):
    """All rows, those on the front, the best of all, and the best that this engine can have."""

    rows: list[Measured]
    front: list[Measured]
    best: Recommendation
    here: Recommendation


def measure(
    engine: Engine, index: str, specs: Sequence[IndexSpec], corpus: Corpus, questions: Sequence[Sequence[float]],
    targets: Targets, progress: Progress,
) -> Tuned:  # fmt: skip
    """``specs[0]`` is what the index has. Raises what the engine says; the scratch index is gone in any case."""
    truth = Truth(corpus, questions)
    rows: list[Measured] = []
    apart = [] if engine.has_faiss else [spec for spec in specs if spec.engine == "faiss"]
    inside = [spec for spec in specs if spec not in apart]
    progress("warming the engine up", 0, 1)  # or the first candidate alone would pay for code that is not compiled yet
    in_engine(engine, index, inside[0], corpus, questions, truth, progress)
    progress("warming the engine up", 1, 1)
    for number, spec in enumerate(inside):
        progress("in the engine", number, len(inside))
        rows.append(_row(spec, in_engine(engine, index, spec, corpus, questions, truth, progress), corpus, "engine"))
    progress("in the engine", len(inside), len(inside))
    if apart:
        rows += _in_process(apart, specs[0], rows[0], corpus, truth, progress)
    here = [row for row in rows if row.measured == "engine"]
    return Tuned(rows, pareto(rows), recommend(rows, targets, specs[0]), recommend(here, targets, specs[0]))


def report(
    tuned: Tuned, index: str, corpus: Corpus, questions: int, targets: Targets, notes: Sequence[str]
) -> dict[str, Any]:
    """What ``--json`` prints."""
    table = prices()
    front = {id(row) for row in tuned.front}
    return {
        "index": index,
        "passages": corpus.total,
        "measured_passages": corpus.passages,
        "questions": questions,
        "targets": msgspec.to_builtins(targets),
        "candidates": [_told(row) | {"pareto": id(row) in front} for row in tuned.rows],
        "recommendation": _advised(tuned.best),
        "recommendation_here": _advised(tuned.here),
        "prices": {
            "region": table.region,
            "noted": table.noted,
            "unverified": table.unverified,
            "source": table.source,
        },
        "notes": list(notes),
    }


def _in_process(
    specs: Sequence[IndexSpec], base: IndexSpec, measured: Measured, corpus: Corpus, truth: Truth, progress: Progress
) -> list[Measured]:
    from cli.tuning_faiss import FaissGraph

    # What the engine adds to a walk through the graph: its time with the graph that the index has, less this walk's.
    plain = msgspec.structs.replace(base, engine="faiss", quantization="none")
    usual = FaissGraph(plain, truth).searches(NEIGHBOURS)
    rows = []
    graphs: dict[IndexSpec, FaissGraph] = {}
    for number, spec in enumerate(specs):
        progress("in process (faiss)", number, len(specs))
        graph = msgspec.structs.replace(spec, ef_search=base.ef_search, shards=base.shards)
        if graph not in graphs:
            graphs = {
                graph: FaissGraph(spec, truth)
            }  # candidates of one graph follow each other: one at a time is kept
        found = graphs[graph].searches(spec.ef_search)
        row = _row(spec, found, corpus, "in process")
        rows.append(
            msgspec.structs.replace(
                row,
                p50_ms=max(row.p50_ms, measured.p50_ms + row.p50_ms - percentile(usual.ms, 0.5)),
                p95_ms=max(row.p95_ms, measured.p95_ms + row.p95_ms - percentile(usual.ms, 0.95)),
            )
        )
    progress("in process (faiss)", len(specs), len(specs))
    return rows


def _row(spec: IndexSpec, found: Searches, corpus: Corpus, how: Literal["engine", "in process"]) -> Measured:
    mean = statistics.fmean(found.recalls)
    error = statistics.stdev(found.recalls) / len(found.recalls) ** 0.5 if len(found.recalls) > 1 else 0.0
    return Measured(
        spec,
        recall=mean,
        recall_low=max(0.0, mean - 1.96 * error),
        p50_ms=percentile(found.ms, 0.5),
        p95_ms=percentile(found.ms, 0.95),
        measured=how,
        memory_bytes=memory_bytes(spec, corpus.total),
        fleet=fleet(spec, corpus.total, corpus.text_bytes),
    )


def _told(row: Measured) -> dict[str, Any]:
    spec = row.spec
    return {
        "label": label(spec),
        "spec": msgspec.to_builtins(spec),
        "recall@10": round(row.recall, 4),
        "recall_low_95": round(row.recall_low, 4),
        "p50_ms": round(row.p50_ms, 3),
        "p95_ms": round(row.p95_ms, 3),
        "recall_from": row.measured,
        "latency_from": "engine" if row.measured == "engine" else "estimate",
        "memory_bytes": round(row.memory_bytes),
        "memory_from": "formula",
        "nodes": msgspec.to_builtins(row.fleet),
        "monthly_usd": row.fleet.monthly_usd,
    }


def _advised(found: Recommendation) -> dict[str, Any]:
    return {"label": label(found.row.spec), "spec": msgspec.to_builtins(found.row.spec), "meets_targets": found.meets,
            "why": found.why}  # fmt: skip

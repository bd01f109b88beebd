"""What ``slipstream eval retrieval`` computes, and the table it prints."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
from rich.box import SIMPLE
from rich.table import Table

from cli.evaluation_set import Progress, Timings, ask, cached, load
from cli.ranking_file import read_parameters
from cli.search_engine import engine_for
from local.vectors import VectorCache
from slipstream.chat.retrieval_options import DEFAULTS
from slipstream.retrieval.ablation import blind, variants
from slipstream.retrieval.candidates import candidates
from slipstream.retrieval.evaluation import Orders, Searched, engines_own, orders, report, support, without_knowledge
from slipstream.retrieval.evidence import of_legs
from slipstream.retrieval.fusion import fused
from slipstream.retrieval.judged import JudgedSet, read_set
from slipstream.retrieval.parameters import Parameters, shipped
from slipstream.retrieval.profiling.figures import percentile
from slipstream.retrieval.question import synonyms
from slipstream.retrieval.question.prepare import STEPS
from slipstream.retrieval.ranker import Ranker


class Result(msgspec.Struct, frozen=True):
    """``found`` is what ``--json`` prints; ``notes`` are for people."""

    found: dict[str, Any]
    notes: tuple[str, ...] = ()


def measure(
    data: Path, *, engine: str, ablation: bool, weights: Path | None, progress: Progress, rules: Sequence[str] = ()
) -> Result:
    """Everything about one set; ``rules``: an owner's synonyms. Raises InvalidRequest for a set, parameters, rules or
    an engine that cannot be used, click.ClickException for a file of weights.
    """
    judged = read_set(data)
    parameters = shipped() if weights is None else read_parameters(weights)[0]
    vectors = VectorCache()
    vectors.embed([question.text for question in judged.questions], progress=lambda d, o: progress("questions", d, o))
    timings = Timings()
    with engine_for(engine, "evaluation") as scratch:
        count = load(judged, scratch.index, scratch.documents, vectors, progress)
        scratch.documents.set_synonyms(scratch.index, synonyms.checked(rules))
        asked = partial(
            ask, judged.questions, judged.relevance, scratch.index, scratch.passages, cached(vectors), progress
        )
        searched = asked(timings=timings)
        relevance = [one.relevance for one in searched]
        found: dict[str, Any] = {
            "data": judged.name,
            "queries": len(searched),
            "results": report(orders(searched, parameters), relevance),
            "latency_ms": _latency(searched, parameters, timings),
        }
        if ablation:
            found["support@5"] = support(searched, parameters)
            others = {**engines_own(searched), "cv_from_neutral": without_knowledge(searched)}
            found["comparison"] = _only_metrics(report(_with_legs(searched, others), relevance))
            ways = _ablated(searched, parameters)
            for step in STEPS:
                again = asked(off=frozenset({step}))
                ways[f"question: {step}"] = _order(again, parameters)
            found["ablation"] = _only_metrics(report(_with_legs(searched, ways), relevance))
    return Result(
        found,
        (
            scratch.said,
            f"{len(judged.documents):,} documents, {count:,} passages",
            *_gaps(judged),
            *_seen(judged, parameters),
        ),
    )


def _ablated(searched: Sequence[Searched], parameters: Parameters) -> dict[str, Orders]:
    ways = {name: _order(searched, changed) for name, changed in variants(parameters).items()}
    return {
        "nothing": _order(searched, parameters),
        **ways,
        "other leg's score": _order(blind(searched), parameters),
    }


def _order(searched: Sequence[Searched], parameters: Parameters) -> Orders:
    ranker = Ranker(parameters, rerank_limit_ms=float("inf"))
    return [ranker.documents(one.prepared, one.legs, DEFAULTS) for one in searched]


def _with_legs(searched: Sequence[Searched], ways: Mapping[str, Orders]) -> dict[str, Orders]:
    from slipstream.retrieval.evaluation import documents

    legs = {"bm25": [documents(one.legs.lexical) for one in searched],
            "dense": [documents(one.legs.dense) for one in searched]}  # fmt: skip
    return {**legs, **ways}


def _only_metrics(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {way: values for way, values in found.items() if way not in ("bm25", "dense")}


def _latency(searched: Sequence[Searched], parameters: Parameters, timings: Timings) -> dict[str, dict[str, float]]:
    """Each stage's p50 and p95. Embedding is from the cache where the question was asked before."""
    ranker, fuse_ms, rank_ms = Ranker(parameters), [], []
    for one in searched:
        began = perf_counter()
        fused(of_legs(one.prepared.text, candidates(one.legs)), parameters)
        between = perf_counter()
        ranker.rank(one.prepared, one.legs, DEFAULTS)
        fuse_ms.append((between - began) * 1000)
        rank_ms.append((perf_counter() - between) * 1000)
    stages = {**msgspec.structs.asdict(timings), "fusion": fuse_ms, "fusion_and_rerank": rank_ms}
    return {name: _spread(values) for name, values in stages.items()}


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"p50": round(statistics.median(values), 3), "p95": round(percentile(values, 0.95), 3)}


def _gaps(judged: JudgedSet) -> list[str]:
    notes = []
    if judged.unjudged:
        notes.append(f"{judged.unjudged} questions have no relevant document in qrels.tsv and were left out.")
    if judged.unknown:
        notes.append(f"{judged.unknown} judgements name documents that the corpus lacks; they count as not found.")
    return notes


def _seen(judged: JudgedSet, parameters: Parameters) -> list[str]:
    if not any(name.split(" (")[0] == judged.name for name in parameters.provenance.fitted_on):
        return []
    return [
        f"These weights have seen {judged.name}: 'reranked' counts for nothing here, and 'reranked_cv' starts from "
        "them; --ablation also refits from neutral weights (cv_from_neutral)."
    ]


def table(found: Mapping[str, Any]) -> Table:
    """All rows, in hundredths; the interval is of nDCG@10 against the set's better leg."""
    title = f"{found['data']}: {found['queries']} questions"
    shown = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    shown.add_column("ranking", no_wrap=True)
    for name in ("nDCG@10", "recall@20", "MRR@10", "against better leg"):
        shown.add_column(name, justify="right")
    for number, rows in enumerate((found["results"], found.get("comparison", {}), found.get("ablation", {}))):
        for way, values in rows.items():
            difference, low, high = (f"{100 * value:+.1f}" for value in values["vs_best_leg"].values())
            shown.add_row(
                f"- {way}" if number == 2 and way != "nothing" else way,
                *(f"{100 * values[name]:.1f}" for name in ("ndcg@10", "recall@20", "mrr@10")),
                f"{difference} ({low} to {high})",
            )
        shown.add_section()
    return shown

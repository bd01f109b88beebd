"""Retrieval: where each leg, fusion and the re-rankers put the page that answers; then an answer with citations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from cli import sample_index
from cli.stage import Stage

WAYS = {
    "bm25": "BM25",
    "dense": "dense",
    "fused": "fused",
    "reranked": "re-ranked",
    "bedrock": "re-ranked by Bedrock",
}
QUESTION = "Where does AWS CloudTrail store the log files?"
SHOWN = 8
WITHIN = 5
"""Passages that an answer is given."""


def run(stage: Stage) -> dict[str, Any]:
    """Ranks of the gold page for every question of the samples; then one answer. Times in ms."""
    load = sample_index.fill(stage)
    judged = sample_index.questions()
    asked: list[dict[str, Any]] = []
    ms: list[float] = []
    with stage.console.status("") as status:
        for number, question in enumerate(judged.questions, 1):
            status.update(f"searching: {number} of {len(judged.questions)} questions")
            gold = {page for page, gain in judged.relevance[question.id].items() if gain > 0}
            ranks, took_ms = _ranks(stage, question.text, gold)
            asked.append({"question": question.text, "ranks": ranks})
            ms.append(took_ms)
    stage.console.print(f"[dim]· {len(asked)} questions, searched by each way[/dim]")
    reply = sample_index.ask(stage, QUESTION)
    rag = reply.report.get("rag") or {}
    return {
        "load": sample_index.as_figures(load),
        "questions": asked,
        "summary": {way: _summary([one["ranks"].get(way) for one in asked]) for way in WAYS},
        "search_ms": {"median": round(median(ms), 1)},
        "answer": {
            "question": QUESTION,
            "text": reply.text,
            "supported": rag.get("supported", False),
            "citations": rag.get("citations", []),
            "spans_ms": reply.report.get("spans_ms", {}),
        },
    }


def _ranks(stage: Stage, question: str, gold: set[str]) -> tuple[dict[str, int], float]:
    """Way → rank of the gold page, from 1, missing where it was not found; and how long the gateway took."""
    fused = sample_index.search(stage, question, rerank="off")
    ranks: dict[str, int] = {}
    for result in fused["results"]:
        if result["document"] in gold:
            for way, name in (("bm25", "lexical_rank"), ("dense", "dense_rank")):
                if name in result["explain"]:
                    ranks[way] = int(result["explain"][name])
    found = {"fused": fused, "reranked": sample_index.search(stage, question, rerank="local")}
    if stage.local:  # elsewhere a re-ranking model may not be set up, and costs money
        found["bedrock"] = sample_index.search(stage, question, rerank="bedrock")
    for way, answer in found.items():
        places = [at for at, page in enumerate(sample_index.documents(answer), 1) if page in gold]
        if places:
            ranks[way] = places[0]
    return ranks, float(found["reranked"]["slipstream"]["total_ms"])


def _summary(ranks: Sequence[int | None]) -> dict[str, Any]:
    found = [rank for rank in ranks if rank is not None]
    return {
        "first": sum(rank == 1 for rank in found),
        "within_5": sum(rank <= WITHIN for rank in found),
        "not_found": len(ranks) - len(found),
        "mrr@10": round(sum(1 / rank for rank in found if rank <= 10) / len(ranks), 4) if ranks else 0.0,
    }


def tables(found: dict[str, Any]) -> Sequence[Table]:
    """A few questions that the ways disagree on; then all of them in sum."""
    ways = [way for way in WAYS if any(way in one["ranks"] for one in found["questions"])]
    few = Table(title="Where the page that answers came", title_justify="left", box=SIMPLE)
    few.add_column("question")
    total = Table(title=f"All {len(found['questions'])} questions", title_justify="left", box=SIMPLE)
    for name in ("", "first", f"among {WITHIN}", "not found", "MRR@10"):
        total.add_column(name, justify="right" if name else "left")
    for way in ways:
        few.add_column(WAYS[way], justify="right")
        row = found["summary"][way]
        counts = [str(row[name]) for name in ("first", "within_5", "not_found")]
        total.add_row(WAYS[way], *counts, f"{row['mrr@10']:.3f}")
    for one in sorted(found["questions"], key=lambda one: -_spread(one["ranks"], ways))[:SHOWN]:
        few.add_row(one["question"], *[str(one["ranks"].get(way, "–")) for way in ways])
    total.caption = (
        "These questions are among those that the shipped weights were fitted to: `slipstream eval retrieval` "
        "cross-validates."
    )
    if "bedrock" in ways:
        total.caption += " Bedrock's scores are the local server's, not those of Amazon's or Cohere's models."
    return [few, total]


def _spread(ranks: Mapping[str, int], ways: Sequence[str]) -> int:
    """How much the ways disagree; a page that was not found counts as the 21st."""
    found = [ranks.get(way, 21) for way in ways]
    return max(found) - min(found)

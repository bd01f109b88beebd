"""How well each way of ranking does on a judged set, from one search a question: legs, fusion, re-rank, refit.

A document's place is that of its best passage. Every way sees the same candidates, so that differences are the
ranking's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from slipstream.chat.retrieval_options import DEFAULTS
from slipstream.retrieval import evidence
from slipstream.retrieval.candidates import candidates
from slipstream.retrieval.fitting import Lesson, cross_validated
from slipstream.retrieval.fusion import convex_sum, order, reciprocal_rank
from slipstream.retrieval.metrics import ndcg, paired_difference, recall, reciprocal_rank_of_first
from slipstream.retrieval.parameters import NEUTRAL, Parameters
from slipstream.retrieval.question.prepare import Prepared
from slipstream.retrieval.ranker import Ranker
from slipstream.retrieval.search import Hit, Legs

METRICS: dict[str, Callable[[Sequence[str], Mapping[str, float]], float]] = {
    "ndcg@10": ndcg, "recall@20": recall, "mrr@10": reciprocal_rank_of_first,
}  # fmt: skip
WAYS = ("bm25", "dense", "fused", "reranked", "reranked_cv")
LEGS = ("bm25", "dense")


class Searched(msgspec.Struct, frozen=True):
    """One judged question after its search."""

    prepared: Prepared
    legs: Legs
    relevance: dict[str, float]


Orders = list[list[str]]
"""Document ids, best first, one list a question."""


def lesson(one: Searched) -> Lesson:
    """The question's candidates as fitting wants them."""
    found = candidates(one.legs)
    reading = evidence.TextEvidence(one.prepared.text, one.prepared.identifiers, found)
    rows = [
        {**by_legs, **reading.of(each)}
        for each, by_legs in zip(found, evidence.of_legs(one.prepared.text, found), strict=True)
    ]
    return Lesson(rows, [one.relevance.get(each.document_id, 0.0) for each in found])


def orders(searched: Sequence[Searched], parameters: Parameters) -> dict[str, Orders]:
    """Each way's order for each question. ``reranked_cv`` judges a question by what the other folds taught, the
    weights that ``parameters`` are having been the start.
    """
    plain = msgspec.structs.replace(DEFAULTS, rerank="off")
    ranker = _patient(parameters)
    return {
        "bm25": [documents(one.legs.lexical) for one in searched],
        "dense": [documents(one.legs.dense) for one in searched],
        "fused": [ranker.documents(one.prepared, one.legs, plain) for one in searched],
        "reranked": [ranker.documents(one.prepared, one.legs, DEFAULTS) for one in searched],
        "reranked_cv": _refitted(searched, parameters),
    }


def without_knowledge(searched: Sequence[Searched]) -> Orders:
    """As ``reranked_cv``, but refitted from neutral weights: nothing of the set can have been seen before."""
    return _refitted(searched, NEUTRAL)


def _refitted(searched: Sequence[Searched], start: Parameters) -> Orders:
    fitted = cross_validated([lesson(one) for one in searched], start)
    return [
        _patient(learnt).documents(one.prepared, one.legs, DEFAULTS)
        for one, learnt in zip(searched, fitted, strict=True)
    ]


def engines_own(searched: Sequence[Searched]) -> dict[str, Orders]:
    """What the engine's search pipelines would make of the same legs: reciprocal ranks, and means of scaled scores."""
    lists = [(_best(one.legs.lexical, whole=True), _best(one.legs.dense)) for one in searched]
    return {
        "rrf": [order(reciprocal_rank([order(words), order(meaning)])) for words, meaning in lists],
        "min_max": [order(convex_sum((words, meaning), (0.5, 0.5))) for words, meaning in lists],
        "l2": [order(_mean_of_l2(words, meaning)) for words, meaning in lists],
    }


def support(searched: Sequence[Searched], parameters: Parameters) -> float:
    """The share of questions with a relevant document among the five passages that are given back."""
    ranker = _patient(parameters)
    held = [
        any(
            one.relevance.get(each.hit.document_id, 0.0) > 0
            for each in ranker.rank(one.prepared, one.legs, DEFAULTS).passages
        )
        for one in searched
    ]
    return sum(held) / len(held)


def report(ways: Mapping[str, Orders], relevance: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    """Means of every metric, and the paired difference of nDCG@10 to the set's better leg, shares 0 to 1."""
    scores = {
        way: {name: [of(ranked, judged) for ranked, judged in zip(lists, relevance, strict=True)]
              for name, of in METRICS.items()}
        for way, lists in ways.items()
    }  # fmt: skip
    best = max((leg for leg in LEGS if leg in scores), key=lambda leg: math.fsum(scores[leg]["ndcg@10"]))
    return {
        way: {
            **{name: math.fsum(values) / len(values) for name, values in by_metric.items()},
            "vs_best_leg": msgspec.to_builtins(paired_difference(by_metric["ndcg@10"], scores[best]["ndcg@10"])),
        }
        for way, by_metric in scores.items()
    }


def documents(hits: Sequence[Hit]) -> list[str]:
    """Passages to documents: each where its best passage is."""
    return list(dict.fromkeys(hit.document_id for hit in hits))


def _patient(parameters: Parameters) -> Ranker:
    """Without a time limit, so that a busy machine measures the same."""
    return Ranker(parameters, rerank_limit_ms=math.inf)


def _best(hits: Sequence[Hit], *, whole: bool = False) -> dict[str, float]:
    """Each document's best score; ``whole``: with its own beside the passage's, as the lexical leg orders."""
    best: dict[str, float] = {}
    for hit in hits:
        score = hit.score + (hit.document_score if whole else 0.0)
        best[hit.document_id] = max(score, best.get(hit.document_id, -math.inf))
    return best


def _mean_of_l2(*lists: Mapping[str, float]) -> dict[str, float]:
    scores: dict[str, float] = {}
    for scored in lists:
        length = math.sqrt(math.fsum(value * value for value in scored.values())) or 1.0
        for name, value in scored.items():
            scores[name] = scores.get(name, 0.0) + value / length / len(lists)
    return scores

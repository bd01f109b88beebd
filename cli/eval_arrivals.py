"""What ``slipstream eval arrivals`` computes: which kept answers documents that arrive end, against full searches."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from cli.evaluation_set import Embed, Progress, ask, cached, load
from cli.search_engine import Scratch, engine_for
from local.vectors import VectorCache
from slipstream.chat.retrieval_options import DEFAULTS
from slipstream.retrieval.arrivals import Arrival, Question, bar_of
from slipstream.retrieval.evaluation import Searched
from slipstream.retrieval.judged import JudgedSet, read_set
from slipstream.retrieval.parameters import shipped
from slipstream.retrieval.ranker import Ranker
from slipstream.retrieval.ranking import Found

PARTS = 5
"""Each fifth of the documents arrives once, all of it at a time."""


class Counts(msgspec.Struct):
    """Of (answer, part that arrives). ``affected``: a search then finds one of its documents among the passages."""

    answers: int = 0
    affected: int = 0
    ended: int = 0
    missed: int = 0
    needless: int = 0
    pairs: int = 0
    """Of (answer, new document); ``needless_pairs``: that reach it and are not found."""
    needless_pairs: int = 0
    passages: int = 0
    """Compared, each once an answer."""
    seconds: float = 0.0


def measure(data: Path, *, engine: str, progress: Progress) -> dict[str, Any]:
    """Both sides of every fifth. Raises InvalidRequest for a set or an engine that cannot be used."""
    judged = read_set(data)
    vectors = VectorCache()
    embed = cached(vectors)
    counts = Counts()
    with engine_for(engine, "arrivals") as scratch:
        load(judged, scratch.index, scratch.documents, vectors, progress)
        asked = partial(ask, judged.questions, judged.relevance, scratch.index, scratch.passages, embed, progress)
        truth = [frozenset(hit.document_id for hit in _passages(one)) for one in asked()]
        order = [document.id for document in judged.documents]
        random.Random(1).shuffle(order)  # noqa: S311
        for part in range(PARTS):
            _arrive(scratch, order[part::PARTS], asked, truth, embed, counts)
    return _told(judged, counts)


def _passages(one: Searched) -> list[Any]:
    return [ranked.hit for ranked in _ranked(one).passages]


def _ranked(one: Searched, vector: tuple[float, ...] = ()) -> Found:
    ranking = Ranker(shipped(), rerank_limit_ms=float("inf")).rank(one.prepared, one.legs, DEFAULTS)
    return Found("", one.legs.generation, one.prepared, ranking.passages, vector=vector)


def _arrive(
    scratch: Scratch, new: Sequence[str], asked: Any, truth: Sequence[frozenset[str]], embed: Embed, counts: Counts
) -> None:
    """Answer without ``new``, then let them come: what is reckoned against what searches find."""
    engine, index = scratch.documents, scratch.index
    (spec,) = [each.spec for each in engine.generations(index, counted=False)]
    documents = engine.read(index, new)
    engine.delete(index, new)
    engine.refresh(index)
    answers = [_ranked(one, embed(one.prepared.meaning, spec)) for one in asked()]
    arrivals = [(document.id, Arrival(document)) for document in documents]
    passages = sum(len(document.passages) for document in documents)
    for found, then in zip(answers, truth, strict=True):
        bar = bar_of(found, DEFAULTS)
        if bar is None:
            continue
        began_s = perf_counter()
        question = Question(bar)
        reached = {name for name, arrival in arrivals if question.reached_by(arrival)}
        counts.seconds += perf_counter() - began_s
        entered = then.intersection(new)
        counts.answers += 1
        counts.passages += passages
        counts.affected += bool(entered)
        counts.ended += bool(reached and entered)
        counts.missed += bool(entered and not reached)
        counts.needless += bool(reached and not entered)
        counts.pairs += len(arrivals)
        counts.needless_pairs += len(reached - entered)
    for document in documents:
        engine.write(index, [document])
    engine.refresh(index)


def _told(judged: JudgedSet, counts: Counts) -> dict[str, Any]:
    untouched = counts.answers - counts.affected
    return {
        "data": judged.name,
        "queries": len(judged.questions),
        "answers": counts.answers,
        "affected": counts.affected,
        "ended_of_affected": round(counts.ended / counts.affected, 4) if counts.affected else None,
        "ended_of_others": round(counts.needless / untouched, 4) if untouched else None,
        "needless_per_new_document": round(counts.needless_pairs / counts.pairs, 6) if counts.pairs else None,
        "ms_per_1000_answers_and_20_passages": round(2e7 * counts.seconds / max(1, counts.passages), 1),
    }

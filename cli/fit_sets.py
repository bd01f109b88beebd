"""Ranking weights that are to travel: fitted on several judged sets, each judged by weights that have not seen it."""

from __future__ import annotations

import gzip
import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from cli.evaluation_set import Progress, ask, cached, load
from cli.ranking_file import read_parameters
from cli.search_engine import engine_for
from local.vectors import VectorCache
from slipstream.chat.retrieval_options import DEFAULTS
from slipstream.errors import InvalidRequest
from slipstream.retrieval.evaluation import Searched, documents, lesson
from slipstream.retrieval.fitting import Lesson, fit
from slipstream.retrieval.judged import JudgedSet, read_set
from slipstream.retrieval.metrics import ndcg
from slipstream.retrieval.parameters import NEUTRAL, Parameters, Provenance, SetSource
from slipstream.retrieval.ranker import Ranker

FILES = ("corpus.jsonl", "queries.jsonl", "qrels.tsv")
SEED = 20


class Learnt(msgspec.Struct, frozen=True):
    """One set after its searches."""

    source: SetSource
    searched: list[Searched]
    lessons: list[Lesson]


def fitted(
    folders: Sequence[Path], *, engine: str, most: int, start: Path | None, progress: Progress
) -> tuple[bytes, dict[str, Any]]:
    """The parameters as a file, and nDCG@10 of each set by its legs and by weights fitted on the other sets.

    ``most``: questions of one set, a seeded sample. Raises InvalidRequest for a folder or engine that cannot be used,
    click.ClickException for such a start.
    """
    if len({folder.resolve().name for folder in folders}) < len(folders):
        raise InvalidRequest("two of the folders have one name: the weights could not say which is which", param="data")
    begun, raw_start = (NEUTRAL, b"") if start is None else read_parameters(start)
    sets = [_learnt(folder, engine, most, progress) for folder in folders]
    found = {}
    for one in sets:
        others = [each for other in sets if other is not one for each in other.lessons]
        found[one.source.name] = _judged(one, fit(others, begun) if others else begun)
    hashes = "".join(value for one in sets for value in one.source.blake2b_128.values())
    provenance = Provenance(
        fitted_on=tuple(one.source.name for one in sets),
        judged_queries=sum(one.source.used for one in sets),
        date=datetime.now(UTC).date().isoformat(),
        data_hash=_hash(hashes.encode()),
        ndcg_at_10={name: round(values["held_out"], 4) for name, values in found.items()},
        sets=tuple(one.source for one in sets),
        start="neutral" if start is None else _hash(raw_start),
    )
    parameters = fit([each for one in sets for each in one.lessons], begun)
    raw = msgspec.json.encode(msgspec.structs.replace(parameters, provenance=provenance))
    return msgspec.json.format(raw, indent=1) + b"\n", {"sets": found, "queries": provenance.judged_queries}


def hashes_of(folder: Path) -> dict[str, str]:
    """Each file of a set → BLAKE2b-128 of its bytes, unpacked."""
    found = {}
    for name in FILES:
        path = folder / name
        found[name] = _hash(
            path.read_bytes() if path.is_file() else gzip.decompress((folder / f"{name}.gz").read_bytes())
        )
    return found


def _learnt(folder: Path, engine: str, most: int, progress: Progress) -> Learnt:
    whole = read_set(folder)
    judged = _sampled(whole, most)
    vectors = VectorCache()
    vectors.embed([question.text for question in judged.questions])
    with engine_for(engine, "fitting") as scratch:
        load(judged, scratch.index, scratch.documents, vectors, progress)
        searched = ask(judged.questions, judged.relevance, scratch.index, scratch.passages, cached(vectors), progress)
    source = SetSource(
        name=whole.name,
        documents=len(whole.documents),
        judged_queries=len(whole.questions),
        used=len(judged.questions),
        blake2b_128=hashes_of(folder),
    )
    return Learnt(source, searched, [lesson(one) for one in searched])


def _sampled(judged: JudgedSet, most: int) -> JudgedSet:
    if len(judged.questions) <= most:
        return judged
    kept = random.Random(SEED).sample(judged.questions, most)  # noqa: S311 - a sample, no secret
    return msgspec.structs.replace(judged, questions=tuple(kept))


def _judged(one: Learnt, parameters: Parameters) -> dict[str, float]:
    """Mean nDCG@10, 0 to 1, of both legs and of ``parameters``, which have not seen the set."""
    ranker = Ranker(parameters, rerank_limit_ms=float("inf"))
    orders = {
        "bm25": [documents(each.legs.lexical) for each in one.searched],
        "dense": [documents(each.legs.dense) for each in one.searched],
        "held_out": [ranker.documents(each.prepared, each.legs, DEFAULTS) for each in one.searched],
    }
    return {
        way: sum(ndcg(order, each.relevance) for order, each in zip(lists, one.searched, strict=True)) / len(lists)
        for way, lists in orders.items()
    }


def _hash(raw: bytes) -> str:
    return hashlib.blake2b(raw, digest_size=16).hexdigest()

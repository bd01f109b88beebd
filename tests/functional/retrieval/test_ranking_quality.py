"""Forty real questions over real pages, with real vectors: ranking that loses to a leg or a fixed rule is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy
import pytest

from cli.evaluation_set import ask, cached, load
from local.bedrock.minilm import MODEL_SHA256
from local.vectors import VectorCache
from slipstream.fakes.passage_index import MemoryIndex
from slipstream.retrieval.evaluation import Searched, engines_own, orders, report, support
from slipstream.retrieval.judged import read_set
from slipstream.retrieval.parameters import shipped

EXCERPTS = Path(__file__).parents[2] / "data" / "retrieval" / "excerpts"
FLOOR, SUPPORT = 0.85, 0.95
"""A little under what was measured: nDCG@10 0.857 (0.875 without the acronyms that the pages explain), and a page that
answers among the five for 0.975."""


def quiet(what: str, done: int, of: int) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> list[Searched]:
    judged, engine = read_set(EXCERPTS), MemoryIndex()
    vectors = VectorCache(tmp_path_factory.mktemp("vectors"))
    with numpy.load(EXCERPTS / "vectors.npz") as kept:
        assert str(kept["model"]) == MODEL_SHA256
        vectors.keep([str(text) for text in kept["texts"]], kept["vectors"].astype(numpy.float32))
    load(judged, "excerpts", engine, vectors, quiet)
    return ask(judged.questions, judged.relevance, "excerpts", engine, cached(vectors), quiet)


@pytest.fixture(scope="module")
def found(searched: list[Searched]) -> dict[str, dict[str, Any]]:
    return report({**orders(searched, shipped()), **engines_own(searched)}, [one.relevance for one in searched])


def test_the_kept_vectors_are_the_models(tmp_path: Path) -> None:
    with numpy.load(EXCERPTS / "vectors.npz") as kept:
        texts, vectors = [str(text) for text in kept["texts"][:3]], kept["vectors"][:3].astype(numpy.float32)

    assert numpy.abs(VectorCache(tmp_path).embed(texts, workers=1) - vectors).max() < 0.01


def test_fusion_beats_both_legs_and_every_fixed_rule(found: dict[str, dict[str, Any]]) -> None:
    for other in ("bm25", "dense", "rrf", "min_max", "l2"):
        assert found["fused"]["ndcg@10"] > found[other]["ndcg@10"] + 0.005, other


def test_the_reranker_does_not_lose_what_fusion_won(found: dict[str, dict[str, Any]]) -> None:
    assert found["reranked"]["ndcg@10"] > found["fused"]["ndcg@10"] - 0.01
    assert found["reranked_cv"]["ndcg@10"] > found["reranked"]["ndcg@10"] - 0.03


def test_the_ranking_is_as_good_as_it_was(searched: list[Searched], found: dict[str, dict[str, Any]]) -> None:
    assert found["reranked"]["ndcg@10"] >= FLOOR
    assert support(searched, shipped()) >= SUPPORT


def test_without_one_legs_weights_the_ranking_is_worse(searched: list[Searched]) -> None:
    relevance = [one.relevance for one in searched]
    whole = report(orders(searched, shipped()), relevance)["fused"]["ndcg@10"]

    for leg in ("cosine", "passage"):
        rest = {name: weight for name, weight in shipped().fusion.items() if not name.startswith(leg)}
        crippled = msgspec.structs.replace(shipped(), fusion=rest)
        assert report(orders(searched, crippled), relevance)["fused"]["ndcg@10"] < whole

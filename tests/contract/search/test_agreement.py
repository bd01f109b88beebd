"""The double and the engine give one another's scores: what is fitted or measured on one holds for the other.

The double as a server is held to the one in this process: nothing is lost on the way through the query language.
"""

from __future__ import annotations

import random
from math import inf
from typing import Any

import pytest

from slipstream.chat.retrieval_options import Boosts, Filter
from slipstream.retrieval.document import Document
from slipstream.retrieval.search import Hit
from tests.contract.search.conftest import in_memory
from tests.contract.search.engines import EAST, Engine, document

WORDS = [
    "bucket", "object", "table", "key", "retry", "sts:AssumeRole", "s3.example.com", "policies", "running",
    "function's", "1,024", "max_tokens",
]  # fmt: skip


def corpus(seed: int) -> list[Document]:
    """Nine documents: all of them come in each leg, whatever the engine's order among equals."""
    draw = random.Random(seed)

    def vector() -> tuple[float, ...]:
        return tuple([draw.uniform(-1, 1) for _ in range(4)]) if draw.random() < 0.8 else ()

    def text() -> str:
        return " ".join(draw.choices(WORDS, k=draw.choice([3, 12, 90])))

    found = []
    for number in range(9):
        count = draw.randint(1, 4)
        found.append(
            document(
                f"d{number}",
                *[text() for _ in range(count)],
                title=" ".join(draw.choices(WORDS, k=draw.randint(0, 3))),
                headings=[tuple(draw.choices(WORDS, k=draw.randint(0, 2))) for _ in range(count)],
                vectors=[vector() for _ in range(count)],
                attributes={"even": number % 2 == 0},
            )
        )
    return found


def scores(hits: tuple[Hit, ...]) -> dict[tuple[str, int], tuple[float, float, float]]:
    """By passage: the three scores; what is not known is infinite."""
    return {
        (hit.document_id, hit.ordinal): (
            hit.score,
            hit.document_score,
            inf if hit.other_score is None else hit.other_score,
        )
        for hit in hits
    }


QUERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "both legs": ("running retries of a bucket", {"vector": EAST}),
    "words alone": ("AssumeRole policy", {}),
    "a vector alone": ("", {"vector": EAST}),
    "words that no document has": ("nothing", {"vector": EAST}),
    "every field by itself": ("object key", {"vector": EAST, "boosts": Boosts(0.5, 0.25, 2.0, 3.0)}),
    "no passages": ("object key", {"vector": EAST, "boosts": Boosts(text=0.0)}),
    "no documents": ("object key", {"vector": EAST, "boosts": Boosts(document=0.0)}),
    "expansions": ("table", {"vector": EAST, "expansions": ("max_tokens", "bucket")}),
    "expansions alone": ("", {"vector": EAST, "expansions": ("functions",)}),
    "phrases and filters": (
        "table key",
        {"vector": EAST, "phrases": ("assumerole",), "filters": (Filter("even", (True,)),)},
    ),
}


@pytest.mark.parametrize("seed", range(3))
def test_all_scores_of_both_legs_are_the_engines(rest: Engine, seed: int) -> None:
    double = in_memory(rest.index)
    for engine in (rest, double):
        engine.load(*corpus(seed))

    for name, (text, fields) in QUERIES.items():
        theirs, ours = rest.search(text, **fields), double.search(text, **fields)
        for leg, expected in (("lexical", ours.lexical), ("dense", ours.dense)):
            found = scores(getattr(theirs, leg))
            assert found.keys() == scores(expected).keys(), (name, leg)
            for place, each in scores(expected).items():
                assert found[place] == pytest.approx(each, rel=1e-4, abs=1e-5), (name, leg, place)


def test_scores_beside_a_leg_do_not_change_its_order(rest: Engine) -> None:
    rest.load(*corpus(1))

    alone = rest.search(vector=EAST).dense
    beside = rest.search("running retries of a bucket", vector=EAST).dense

    assert [(hit.document_id, hit.ordinal) for hit in beside] == [(hit.document_id, hit.ordinal) for hit in alone]
    assert [hit.score for hit in beside] == sorted((hit.score for hit in beside), reverse=True)

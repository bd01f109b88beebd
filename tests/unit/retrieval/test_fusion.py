"""What fusion promises, whatever the legs say."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from slipstream.retrieval.candidates import candidates
from slipstream.retrieval.evidence import of_legs
from slipstream.retrieval.fusion import convex_sum, fused, order, reciprocal_rank
from slipstream.retrieval.parameters import shipped
from slipstream.retrieval.search import Legs
from tests.unit.retrieval.legs import hit, legs

NAMES = [f"d{number}" for number in range(12)]
BM25 = st.dictionaries(st.sampled_from(NAMES), st.floats(0.1, 60.0), max_size=12)
COSINES = st.dictionaries(st.sampled_from(NAMES), st.integers(-200, 1000).map(lambda n: n / 1000), max_size=12)
"""In thousandths: two that differ by less than a float's grain would tie once both are moved, and ranks count."""


def ranked(found: Legs) -> dict[str, float]:
    documents = candidates(found)
    scores = fused(of_legs("which document", documents), shipped())
    return {one.document_id: score for one, score in zip(documents, scores, strict=True)}


@given(BM25, COSINES)
def test_what_both_legs_put_higher_is_not_put_lower(words: dict[str, float], meaning: dict[str, float]) -> None:
    scores = ranked(legs(words, meaning))

    for one in words.keys() & meaning.keys():
        for other in words.keys() & meaning.keys():
            if words[one] >= words[other] and meaning[one] >= meaning[other]:
                assert scores[one] >= scores[other] - 1e-9


@given(BM25, COSINES, st.floats(-0.3, 0.3))
def test_cosines_that_all_move_alike_change_no_order(
    words: dict[str, float], meaning: dict[str, float], shift: float
) -> None:
    known = {name: meaning.get(name, -0.2) for name in words} | meaning
    before, after = ranked(legs(words, known)), ranked(legs(words, {n: c + shift for n, c in known.items()}))

    for one in before:
        for other in before:
            if before[one] > before[other] + 1e-6:
                assert after[one] > after[other]


@given(BM25, COSINES, st.randoms())
def test_the_order_in_which_documents_are_told_does_not_count(
    words: dict[str, float], meaning: dict[str, float], chance: Any
) -> None:
    def shuffled(scores: dict[str, float]) -> dict[str, float]:
        names = list(scores)
        chance.shuffle(names)
        return {name: scores[name] for name in names}

    words = {name: score + at * 1e-3 for at, (name, score) in enumerate(words.items())}
    meaning = {name: score + at * 1e-4 for at, (name, score) in enumerate(meaning.items())}
    assert ranked(legs(words, meaning)) == ranked(legs(shuffled(words), shuffled(meaning)))


def test_a_leg_that_tells_documents_apart_decides_over_one_that_does_not() -> None:
    sure_meaning = legs({"a": 20.0, "b": 19.5, "c": 19.0}, {"c": 0.9, "b": 0.4, "a": 0.3})
    sure_words = legs({"a": 40.0, "b": 12.0, "c": 11.0}, {"c": 0.41, "b": 0.40, "a": 0.39})

    assert order(ranked(sure_meaning))[0] == "c"
    assert order(ranked(sure_words))[0] == "a"


@given(BM25)
def test_one_leg_alone_keeps_its_order(words: dict[str, float]) -> None:
    scores = ranked(legs(words, {}))

    assert sorted(scores, key=lambda name: (-scores[name], -words[name])) == sorted(
        scores, key=lambda name: -words[name]
    )


def test_no_hits_are_no_candidates() -> None:
    assert ranked(Legs()) == {}


def test_a_passage_that_both_legs_found_counts_once_in_its_document() -> None:
    (one,) = candidates(Legs((hit("a", 9.0),), (hit("a", 0.5), hit("a", 0.4, ordinal=1))))

    assert [each.ordinal for each in one.hits] == [0, 1]
    assert (one.passage_bm25, one.cosine) == (9.0, 0.5)


def test_what_a_leg_did_not_find_is_known_from_the_other_legs_hits() -> None:
    words, meaning = candidates(Legs((hit("a", 9.0, other_score=0.3),), (hit("b", 0.5, other_score=4.0),)))

    assert (words.cosine, words.dense_rank) == (0.3, None)
    assert (meaning.passage_bm25, meaning.lexical_rank) == (4.0, None)


def test_where_nobody_knows_a_cosine_it_is_the_least_that_was_found() -> None:
    words, *_ = candidates(Legs((hit("a", 9.0),), (hit("b", 0.5), hit("c", 0.2))))

    assert words.cosine == 0.2


def test_reciprocal_ranks_add_up() -> None:
    assert reciprocal_rank([["a", "b"], ["b"]]) == {"a": 1 / 61, "b": 1 / 62 + 1 / 61}


def test_a_convex_sum_scales_each_list_by_itself() -> None:
    assert convex_sum([{"a": 10.0, "b": 5.0, "c": 0.0}, {"c": 0.9, "b": 0.8}], [0.5, 0.5]) == {
        "a": 0.5, "b": 0.25, "c": 0.5,
    }  # fmt: skip


@given(BM25, st.floats(0.1, 9.0), st.floats(-5.0, 5.0))
def test_a_convex_sum_does_not_mind_a_lists_scale(words: dict[str, float], factor: float, shift: float) -> None:
    moved = {name: factor * score + shift for name, score in words.items()}
    before, after = convex_sum([words], [1.0]), convex_sum([moved], [1.0])

    assert all(abs(before[name] - after[name]) < 1e-6 for name in words)

"""Which passages are given back."""

from __future__ import annotations

from slipstream.retrieval.candidates import Candidate, candidates
from slipstream.retrieval.search import Hit, Legs
from slipstream.retrieval.selection import select
from tests.unit.retrieval.legs import hit

SAME = "the limit of keys that one account may have at the same time is one hundred and can be raised on request"


def chosen(hits: list[Hit], scores: dict[str, float], wanted: int = 5) -> list[tuple[str, int]]:
    found = candidates(Legs(dense=tuple(hits)))
    ordered: list[tuple[Candidate, float]] = sorted(
        ((one, scores[one.document_id]) for one in found), key=lambda pair: -pair[1]
    )
    return [(one.document_id, each.ordinal) for one, each, _ in select(ordered, wanted, second_passage=2.0, alike=0.9)]


def test_documents_come_in_their_order_with_their_best_passage() -> None:
    hits = [hit("a", 0.5, ordinal=3), hit("b", 0.9), hit("a", 0.4, ordinal=7)]

    assert chosen(hits, {"a": 5.0, "b": 4.0}, wanted=2) == [("a", 3), ("b", 0)]


def test_a_second_passage_comes_before_a_document_that_is_far_behind() -> None:
    hits = [hit("a", 0.5, ordinal=3), hit("a", 0.4, ordinal=7), hit("b", 0.9)]

    assert chosen(hits, {"a": 5.0, "b": 1.0}) == [("a", 3), ("a", 7), ("b", 0)]


def test_there_is_never_a_third_passage_of_a_document() -> None:
    hits = [hit("a", 0.9 - number / 10, ordinal=number) for number in range(4)]

    assert len(chosen(hits, {"a": 5.0})) == 2


def test_the_same_words_do_not_come_twice() -> None:
    hits = [hit("a", 0.9, SAME), hit("b", 0.8, SAME.upper()), hit("c", 0.7)]

    assert chosen(hits, {"a": 3.0, "b": 2.0, "c": 1.0}) == [("a", 0), ("c", 0)]


def test_a_document_whose_best_passage_is_a_double_comes_with_its_next() -> None:
    hits = [hit("a", 0.9, SAME), hit("b", 0.8, SAME), hit("b", 0.7, ordinal=1)]

    assert chosen(hits, {"a": 3.0, "b": 2.0}) == [("a", 0), ("b", 1)]


def test_passages_of_the_same_words_in_another_order_both_come() -> None:
    hits = [hit("a", 0.9, SAME), hit("b", 0.8, " ".join(reversed(SAME.split())))]

    assert len(chosen(hits, {"a": 3.0, "b": 2.0})) == 2


def test_no_more_come_than_are_wanted() -> None:
    hits = [hit(f"d{number}", 0.9 - number / 100) for number in range(9)]

    assert len(chosen(hits, {f"d{number}": -float(number) for number in range(9)}, wanted=4)) == 4

"""The whole way from legs to passages, with what the owner may ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from slipstream.chat.retrieval_options import DEFAULTS, RetrievalOptions
from slipstream.retrieval.candidates import Candidate
from slipstream.retrieval.evidence import Values, of_legs
from slipstream.retrieval.parameters import Parameters, shipped
from slipstream.retrieval.question.prepare import Prepared, prepare
from slipstream.retrieval.ranker import Ranker
from slipstream.retrieval.ranking import Ranked
from slipstream.retrieval.rerank import LocalReranker
from slipstream.retrieval.scoring import DAY_S
from slipstream.retrieval.search import Hit, Legs
from tests.unit.retrieval.legs import hit, legs

NOW_S = 1_000.0 * DAY_S
ASKED = prepare("renew the key of an account")
ALIKE = legs({"a": 20.0, "b": 19.9, "c": 19.8}, {"a": 0.5, "b": 0.499, "c": 0.498})


def names(found: Sequence[Ranked]) -> list[str]:
    return [each.hit.document_id for each in found]


def rank(found: Legs = ALIKE, question: Prepared = ASKED, options: RetrievalOptions = DEFAULTS) -> list[str]:
    return names(Ranker(shipped(), now_s=lambda: NOW_S).rank(question, found, options).passages)


def changed(found: Legs, document: str, **more: object) -> Legs:
    def each(hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
        return tuple(msgspec.structs.replace(h, **more) if h.document_id == document else h for h in hits)

    return msgspec.structs.replace(found, lexical=each(found.lexical), dense=each(found.dense))


def test_the_better_document_of_both_legs_comes_first() -> None:
    assert rank() == ["a", "b", "c"]


def test_an_old_document_falls_behind_when_age_counts() -> None:
    old = changed(changed(ALIKE, "a", updated_at_s=NOW_S - 400 * DAY_S), "b", updated_at_s=NOW_S - DAY_S)

    assert rank(old)[0] == "a"
    assert rank(old, options=RetrievalOptions(recency_half_life_days=30.0))[-1] == "a"


def test_a_popular_document_comes_first_when_popularity_counts() -> None:
    read = changed(changed(ALIKE, "c", popularity=10_000.0), "a", popularity=1.0)

    assert rank(read)[0] == "a"
    assert rank(read, options=RetrievalOptions(popularity_weight=1.0))[0] == "c"


def test_age_does_not_hide_the_only_document_that_answers() -> None:
    found = legs({"old": 60.0, "new": 2.0}, {"old": 0.9, "new": 0.1})
    old = changed(changed(found, "old", updated_at_s=0.0), "new", updated_at_s=NOW_S)

    assert rank(old, options=RetrievalOptions(recency_half_life_days=1.0))[0] == "old"


def test_pinned_documents_come_first_in_the_order_they_were_named() -> None:
    assert rank(options=RetrievalOptions(pinned=("c", "nowhere", "b"))) == ["c", "b", "a"]


def test_a_pinned_document_is_among_few_passages_even_where_it_is_last() -> None:
    assert rank(options=RetrievalOptions(pinned=("c",), passages=1)) == ["c"]


def test_excluded_documents_never_come() -> None:
    assert rank(options=RetrievalOptions(excluded=("a",), pinned=("a",))) == ["b", "c"]


def test_what_the_passage_says_decides_between_documents_that_the_legs_cannot_tell_apart() -> None:
    said = changed(ALIKE, "b", text="To renew the key of an account, open its page and choose Renew.")

    assert rank(said)[0] == "b"
    assert rank(said, options=RetrievalOptions(rerank="off"))[0] == "a"


def test_a_reranker_that_is_too_late_leaves_the_fused_order() -> None:
    said = changed(ALIKE, "b", text="To renew the key of an account, open its page and choose Renew.")
    ticks = iter(range(100))
    late = LocalReranker(shipped(), clock=lambda: float(next(ticks)))

    found = Ranker(shipped(), late).rank(ASKED, said, DEFAULTS)
    assert found.second_look.outcome == "late"
    assert names(found.passages)[0] == "a"
    assert "reranked" not in found.passages[0].stages


class Unwanted:
    """A reranker that must not be asked."""

    def scores(
        self, question: Prepared, found: Sequence[Candidate], by_legs: Sequence[Values], time_limit_ms: float
    ) -> list[float] | None:
        raise AssertionError("asked")


def test_both_orders_rest_on_evidence_that_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(question: str, found: Sequence[Candidate]) -> list[Values]:
        asked.append(question)
        return of_legs(question, found)

    monkeypatch.setattr("slipstream.retrieval.evidence.of_legs", counted)
    monkeypatch.setattr("slipstream.retrieval.ranker.of_legs", counted)

    found = Ranker(shipped()).rank(ASKED, ALIKE, DEFAULTS)

    assert found.second_look.outcome == "done"
    assert asked == [ASKED.text]


def test_a_wide_margin_needs_no_second_look() -> None:
    clear = legs({"a": 90.0, "b": 5.0}, {"a": 0.95, "b": 0.1})

    found = Ranker(shipped(), Unwanted()).rank(ASKED, clear, DEFAULTS)
    assert names(found.passages) == ["a", "b"]
    assert found.second_look.outcome == "sure"
    assert found.second_look.lead is not None
    assert found.second_look.lead >= shipped().skip_margin
    with pytest.raises(AssertionError, match="asked"):
        Ranker(shipped(), Unwanted()).rank(ASKED, ALIKE, DEFAULTS)


@pytest.mark.parametrize("reranker", [None, LocalReranker(shipped())])
def test_the_margin_of_a_request_decides_whether_either_re_ranker_is_asked(reranker: LocalReranker | None) -> None:
    clear = legs({"a": 90.0, "b": 5.0}, {"a": 0.95, "b": 0.1})
    ranker = Ranker(shipped(), reranker)

    def outcome(found: Legs, **options: Any) -> str:
        return ranker.rank(ASKED, found, RetrievalOptions(**options)).second_look.outcome

    assert (outcome(clear), outcome(clear, rerank_margin=1000.0)) == ("sure", "done")
    assert (outcome(ALIKE), outcome(ALIKE, rerank_margin=0.0)) == ("done", "sure")
    assert outcome(clear, rerank="off") == "off"
    assert outcome(legs({"a": 1.0}, {})) == "few"


def test_shared_words_decide_less_where_the_question_is_in_another_language() -> None:
    weights = {"cosine": 10.0, "passage": 10.0}
    ranker = Ranker(Parameters(fusion=weights, rerank=weights, skip_margin=100.0))
    found = legs({"words": 60.0, "meaning": 14.0}, {"meaning": 0.7, "words": 0.1})
    foreign = msgspec.structs.replace(ASKED, foreign=True)

    for options in (DEFAULTS, RetrievalOptions(rerank="off")):
        assert names(ranker.rank(ASKED, found, options).passages) == ["words", "meaning"]
        assert names(ranker.rank(foreign, found, options).passages) == ["meaning", "words"]


def test_a_missing_leg_is_made_up_for_by_the_other() -> None:
    assert rank(legs({"a": 20.0, "b": 10.0}, {})) == ["a", "b"]
    assert rank(legs({}, {"a": 0.5, "b": 0.2})) == ["a", "b"]


def test_nothing_found_is_nothing_given_back() -> None:
    assert rank(Legs()) == []


@pytest.mark.parametrize("question", ["", "the of and", "?!…", "x" * 10_000, "\x00"])
def test_odd_questions_are_ranked_by_what_the_legs_say(question: str) -> None:
    assert rank(question=prepare(question)) == ["a", "b", "c"]


def test_each_passage_tells_what_the_stages_thought_of_it() -> None:
    (first, *_) = Ranker(shipped()).rank(ASKED, ALIKE, DEFAULTS).passages

    assert {"bm25", "cosine", "document_bm25", "lexical_rank", "dense_rank", "fused", "reranked"} == set(first.stages)
    assert (first.stages["bm25"], first.stages["cosine"], first.stages["dense_rank"]) == (20.0, 0.5, 1.0)


def test_identifiers_count_where_they_stand_letter_by_letter() -> None:
    asked = prepare("what does AccessDeniedException-42 mean")
    found = changed(changed(ALIKE, "a", text="access denied exception"), "b", text="AccessDeniedException-42 is it")

    assert asked.identifiers
    assert rank(found, asked)[0] == "b"


def test_passages_of_one_document_are_two_at_most() -> None:
    many = Legs(dense=tuple(hit("a", 0.9 - number / 100, ordinal=number) for number in range(9)))

    assert rank(many) == ["a", "a"]

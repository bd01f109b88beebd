"""Another wording of a question that has an answer, through the pipeline."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import pytest

from slipstream.caching.policy import CachePolicy
from slipstream.caching.semantic.calibration import Cut
from slipstream.caching.semantic.neighbourhood import DEPTH
from slipstream.caching.semantic.scorer import Scorer
from slipstream.caching.semantic.verifier import Calibration, Verifier
from slipstream.chat.events import Stopped, TextDelta
from slipstream.chat.request import Message, Options, Parameters, Text, Tool
from slipstream.disconnect import Disconnect
from slipstream.fakes.answer_store import MemoryAnswerStore
from slipstream.fakes.question_store import MemoryQuestionStore
from slipstream.gateway.feedback_id import decode
from tests.unit.caching.comparing import ANOTHER, ASKED, REWORDED, Comparing, Notes, saying, text_of, vector_of
from tests.unit.caching.kept import Clock, outcome, wanting

WAIT_S = 60.0
TOWN_HALL = saying("At the town hall.")


def kinds(report: dict[str, Any]) -> tuple[str, str | None]:
    return report["cache"]["outcome"], report["cache"].get("kind")


def test_the_same_words_with_courtesy_get_the_kept_answer_without_a_model() -> None:
    bench = Comparing()
    _, miss = bench.ask(ASKED)
    events, hit = bench.ask(REWORDED)
    assert events == TOWN_HALL
    assert (kinds(miss), kinds(hit)) == (("miss", None), ("hit", "semantic"))
    assert bench.calls == 1
    assert (hit["cost_usd"], hit["saved_usd"]) == (0.0, miss["cost_usd"])


def test_the_reply_says_which_question_stood_for_it_and_what_decided() -> None:
    bench = Comparing()
    _, miss = bench.ask(ASKED)
    bench.clock.now_s += 7
    cache = bench.ask(REWORDED)[1]["cache"]
    assert cache["question"] == ASKED
    assert cache["age_s"] == 7.0
    assert cache["semantic"]["reason"] == "same words"
    assert 0.5 < cache["semantic"]["cosine"] < 1
    assert miss["cache"]["semantic"] == {"reason": "no question is known"}


def test_another_question_is_answered_by_the_model_and_the_reply_says_why() -> None:
    bench = Comparing()
    bench.ask(ASKED)
    events, report = bench.ask("How do I renew my visa?")
    assert text_of(events) == "Fresh."
    assert kinds(report) == ("miss", None)
    assert report["cache"]["semantic"]["reason"] not in ("same words", "no question is known")


def test_an_equal_request_is_an_exact_hit() -> None:
    bench = Comparing()
    bench.ask(ASKED)
    assert kinds(bench.ask(ASKED)[1]) == ("hit", "exact")


def test_a_wording_that_was_served_is_served_again_without_another_vector() -> None:
    bench = Comparing()
    for asked in (ASKED, REWORDED, REWORDED):
        report = bench.ask(asked)[1]
    assert kinds(report) == ("hit", "semantic")
    assert bench.embedded == [ASKED, REWORDED]
    assert bench.calls == 1


def test_a_wording_that_is_asked_again_and_again_is_written_once_a_minute() -> None:
    bench = Comparing()
    bench.ask(ASKED)
    began_s, written_s = bench.clock.now_s, []
    for later_s in (0, 1, 59, 60, 61):
        bench.clock.now_s = began_s + later_s
        assert kinds(bench.ask(REWORDED)[1]) == ("hit", "semantic")
        written_s += [known.asked_s - began_s for known in bench.known() if known.text == REWORDED]
    assert written_s == [0, 0, 0, 60, 60]


def test_each_hit_hands_out_an_id_that_names_question_and_answer() -> None:
    bench = Comparing()
    bench.ask(ASKED)
    exact, semantic = (decode(bench.ask(text)[1]["cache"]["feedback"]) for text in (ASKED, REWORDED))
    assert (exact.semantic, semantic.semantic) == (False, True)
    assert semantic.answer == exact.answer == exact.asked
    assert semantic.entry == exact.entry
    assert {semantic.family, exact.family} == {family for _, family in bench.questions._families}
    assert {known.key for known in bench.known()} == {semantic.asked, exact.asked}


def test_an_exact_hit_of_a_request_that_is_not_compared_has_an_id_too() -> None:
    bench = Comparing()
    bench.ask(ASKED, options=wanting("exact"))
    found = decode(bench.ask(ASKED, options=wanting("exact"))[1]["cache"]["feedback"])
    assert (found.family, found.asked) == ("", found.answer)


def test_hits_are_counted_by_kind() -> None:
    bench = Comparing()
    for asked in (ASKED, ASKED, REWORDED):
        bench.ask(asked)
    counts = [row[0] for row in bench.metrics.rows]
    assert [(row.get("cache_hit", 0.0), row.get("cache_semantic_hit", 0.0)) for row in counts] == [
        (0.0, 0.0), (1.0, 0.0), (1.0, 1.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"tenant": "acme"},
        {"model": "us.amazon.nova-pro-v1:0"},
        {"system": [Text("Answer in French.")]},
        {"parameters": Parameters(temperature=0.0, max_tokens=7)},
        {"parameters": Parameters(temperature=0.3), "options": wanting("semantic")},
        {"tools": [Tool("look_up", "Looks up.", {"type": "object"})], "options": wanting("semantic")},
        {"messages": [Message("user", [Text("Hi")]), Message("assistant", [Text("Hello")]),
                      Message("user", [Text(REWORDED)])]},
        {"messages": [Message("user", [Text(REWORDED), Text("In one word.")])]},
    ],
)  # fmt: skip
def test_where_anything_else_differs_the_question_is_never_found(changed: dict[str, Any]) -> None:
    learning = Notes()
    bench = Comparing(learning=learning)
    bench.ask(ASKED)
    events, report = bench.ask(REWORDED, **changed)
    assert text_of(events) == "Fresh."
    assert kinds(report) == ("miss", None)
    assert not learning.seen


def test_tenants_of_a_shared_namespace_share_answers_and_not_what_was_asked() -> None:
    policy = CachePolicy(semantic="all", shared={"acme": "group", "beta": "group"})
    bench = Comparing(policy=policy)
    bench.ask(ASKED, tenant="acme")
    _, report = bench.ask(REWORDED, tenant="beta")
    assert kinds(report) == ("hit", "semantic")
    assert "question" not in report["cache"]
    assert kinds(bench.ask(REWORDED, tenant="group")[1]) == ("miss", None)


def test_who_is_compared_is_the_operators_and_the_callers_choice() -> None:
    for setting, chosen, compared in (
        ("off", None, False), ("off", "semantic", False), ("rag", None, False), ("rag", "semantic", True),
        ("all", None, True), ("all", "exact", False), ("all", "race", True),
    ):  # fmt: skip
        bench = Comparing(policy=CachePolicy(semantic=setting))
        for asked in (ASKED, REWORDED):
            bench.ask(asked, options=Options(cache=chosen))  # type: ignore[arg-type]
        assert (len(bench.known()) > 0) == compared, (setting, chosen)
        assert bool(bench.embedded) == compared, (setting, chosen)


def test_an_answer_older_than_the_caller_wants_stands_for_nothing_and_stays_for_others() -> None:
    bench = Comparing()
    bench.ask(ASKED)
    bench.clock.now_s += 60
    _, report = bench.ask(REWORDED, options=Options(max_age_s=59))
    assert kinds(report) == ("miss", None)
    assert report["cache"]["semantic"]["reason"] == "older than wanted"
    assert kinds(bench.ask("Hello, how can I renew my passport?", options=Options(max_age_s=600))[1])[0] == "hit"


def test_an_answer_that_is_over_is_no_longer_found() -> None:
    bench = Comparing(policy=CachePolicy(semantic="all", ttl_s=100))
    bench.ask(ASKED)
    bench.clock.now_s += 100
    assert kinds(bench.ask(REWORDED)[1]) == ("miss", None)


def test_a_served_wording_does_not_outlive_the_answer_that_stood_for_it() -> None:
    bench = Comparing(policy=CachePolicy(semantic="all", ttl_s=100))
    bench.ask(ASKED)
    bench.clock.now_s += 90
    bench.ask(REWORDED)
    ends = {known.text: known.expires_s for known in bench.known()}
    assert ends[ASKED] == ends[REWORDED]


@pytest.mark.parametrize("first", [(Stopped("max_tokens"),), ()])
def test_what_is_not_kept_is_not_known(first: tuple[Any, ...]) -> None:
    bench = Comparing([(*TOWN_HALL[:2], *first), saying("Fresh.")])
    bench.ask(ASKED)
    assert bench.known() == []
    assert text_of(bench.ask(REWORDED)[0]) == "Fresh."


def test_a_personal_question_is_neither_embedded_nor_known() -> None:
    import re

    bench = Comparing(policy=CachePolicy(semantic="all", personal=(re.compile("passport"),)))
    bench.ask(ASKED)
    assert (bench.known(), bench.embedded) == ([], [])


def test_another_environment_finds_what_this_one_was_asked() -> None:
    store, questions, clock = MemoryAnswerStore(), MemoryQuestionStore(), Clock()
    here = Comparing(store=store, questions=questions, clock=clock)
    there = Comparing([saying("Never.")], store=store, questions=questions, clock=clock)
    here.ask(ASKED)
    assert kinds(there.ask(REWORDED)[1]) == ("hit", "semantic")
    here.ask(ANOTHER)
    clock.now_s += 6
    assert kinds(there.ask("Please, how do I bake bread?")[1]) == ("hit", "semantic")
    assert there.calls == 0


def test_a_wording_of_a_served_wording_gets_the_first_ones_answer_and_is_compared_with_that() -> None:
    bench = Comparing()
    reports = [bench.ask(asked)[1] for asked in (ASKED, REWORDED, "Hello, please: how do I renew my passport?")]
    assert [report["cache"].get("question") for report in reports] == [None, ASKED, ASKED]


def test_identical_requests_that_follow_get_the_semantic_hit_too() -> None:
    gate, embeds, waits = Event(), Event(), Event()

    def embed(text: str) -> list[float]:
        if text == REWORDED:
            embeds.set()
            assert gate.wait(WAIT_S)
        return vector_of(text)

    class Line(Disconnect):
        """Of the one who follows: it is asked while that one waits."""

        def gone(self) -> bool:
            waits.set()
            return False

    bench = Comparing(embed=embed)
    bench.ask(ASKED)
    found = list[tuple[tuple[Any, ...], dict[str, Any]]]()
    leader = Thread(target=lambda: found.append(bench.ask(REWORDED)))
    leader.start()
    assert embeds.wait(WAIT_S)
    follower = Thread(target=lambda: found.append(bench.ask(REWORDED, disconnect=Line())))
    follower.start()
    assert waits.wait(WAIT_S)
    gate.set()
    for thread in (leader, follower):
        thread.join(WAIT_S)
    assert [(text_of(events), kinds(report)) for events, report in found] == [
        ("At the town hall.", ("hit", "semantic"))
    ] * 2
    assert bench.calls == 1
    assert len({decode(report["cache"]["feedback"]) for _, report in found}) == 1


def test_a_race_is_won_by_another_wordings_answer() -> None:
    from tests.unit.caching.test_race import Waiting

    store, questions, clock = MemoryAnswerStore(), MemoryQuestionStore(), Clock()
    Comparing(store=store, questions=questions, clock=clock).ask(ASKED)
    model = Waiting()
    bench = Comparing(store=store, questions=questions, clock=clock, models=model)
    events, report = bench.ask(REWORDED, options=wanting("race"))
    assert events == TOWN_HALL
    assert kinds(report) == ("hit", "semantic")
    assert "raced" in report["cache"]
    assert report["cache"]["semantic"]["reason"] == "same words"
    assert model.ended.wait(60)


def test_a_semantic_hit_gives_the_lease_of_its_own_key_back() -> None:
    bench = Comparing()
    bench.ask(ASKED)
    bench.ask(REWORDED)
    assert bench.store._leases == {}


def test_a_check_asks_the_model_although_there_is_a_candidate_and_tells_what_came_of_it() -> None:
    learning = Notes(checks=True, verdict=False)
    bench = Comparing(learning=learning)
    bench.ask(ASKED)
    events, report = bench.ask(REWORDED)
    assert text_of(events) == "Fresh."
    assert (outcome(report), report["cache"]["semantic"]["checked"]) == ("miss", True)
    assert learning.compared == [("Fresh.", "At the town hall.")]
    assert learning.told == [(REWORDED, ASKED, False, False)]
    assert learning.seen == []
    assert bench.metrics.rows[1][0]["cache_checked"] == 1.0
    assert kinds(bench.ask(REWORDED)[1]) == ("hit", "exact")


def test_a_candidate_that_would_not_be_served_is_checked_as_well_and_is_a_label_drawn_at_random() -> None:
    learning = Notes(checks=True, verdict=False)
    bench = Comparing(learning=learning)
    bench.ask(ASKED)
    bench.ask("Where do I renew my passport?")
    assert learning.told == [("Where do I renew my passport?", ASKED, False, True)]


def test_a_comparison_that_cannot_tell_teaches_nothing() -> None:
    learning = Notes(checks=True, verdict=None)
    bench = Comparing(learning=learning)
    bench.ask(ASKED)
    bench.ask(REWORDED)
    assert (len(learning.compared), learning.told) == (1, [])


def test_a_check_whose_fresh_answer_was_cut_teaches_nothing() -> None:
    learning = Notes(checks=True)
    bench = Comparing([TOWN_HALL, (*TOWN_HALL[:1], TextDelta("Fr"), Stopped("max_tokens"))], learning=learning)
    bench.ask(ASKED)
    bench.ask(REWORDED)
    assert learning.compared == []


def test_who_asks_anew_soon_after_a_semantic_hit_reports_it_as_wrong() -> None:
    learning = Notes()
    bench = Comparing(learning=learning)
    bench.ask(ASKED)
    bench.ask(REWORDED)
    bench.clock.now_s += 599
    events, report = bench.ask(REWORDED, options=wanting("refresh"))
    assert (text_of(events), outcome(report)) == ("Fresh.", "refresh")
    assert learning.told == [(REWORDED, ASKED, False, False)]
    assert text_of(bench.ask(REWORDED)[0]) == "Fresh."


@pytest.mark.parametrize(("asked", "later_s"), [(REWORDED, 700), (ASKED, 1), (ANOTHER, 1)])
def test_other_fresh_answers_report_nothing(asked: str, later_s: float) -> None:
    learning = Notes()
    bench = Comparing(learning=learning)
    bench.ask(ASKED)
    bench.ask(REWORDED)
    bench.clock.now_s += later_s
    bench.ask(asked, options=wanting("refresh"))
    assert learning.told == []


def test_a_fresh_answer_is_found_by_other_wordings() -> None:
    bench = Comparing()
    bench.ask(ASKED, options=wanting("refresh"))
    assert kinds(bench.ask(REWORDED)[1]) == ("hit", "semantic")


def test_learning_settles_after_each_request_that_was_compared() -> None:
    learning = Notes()
    bench = Comparing(learning=learning)
    for asked in (ASKED, REWORDED):
        bench.ask(asked)
    assert learning.settled == ["tenant:default"] * 2


BY_COSINE = Scorer(names=("cosine",), means=(0.0,), scales=(1.0,), weights=(10.0,), bias=0.0)
NEAR = "Where can I get my passport renewed quickly?"
RENEWAL = "Where do I have to go so that my passport is renewed quickly?"


def learnt(needed: float) -> Notes:
    """One whose labels made a cosine of a tenth of ``needed`` the least that is served."""
    cut = Cut(score=needed, level=0.01, labels=500, wrong=0, estimate=0.0, share=0.5)
    learning = Notes()
    learning._verifier = Verifier(Calibration(scorer=BY_COSINE, cut=cut, learnt=True))
    return learning


def test_what_was_learnt_serves_from_its_score_on_and_the_reply_says_both() -> None:
    served = Comparing(learning=learnt(2.0))
    served.ask(NEAR)
    cache = served.ask(RENEWAL)[1]["cache"]
    assert (cache["kind"], cache["semantic"]["reason"], cache["semantic"]["needed"]) == ("semantic", "learnt", 2.0)
    assert cache["semantic"]["score"] == pytest.approx(10 * cache["semantic"]["cosine"], abs=0.01)
    refused = Comparing(learning=learnt(9.9))
    refused.ask(NEAR)
    cache = refused.ask(RENEWAL)[1]["cache"]
    assert (cache["outcome"], cache["semantic"]["reason"]) == ("miss", "not sure")
    assert cache["semantic"]["score"] < cache["semantic"]["needed"] == 9.9


def test_where_both_questions_stand_among_the_others_is_known_to_what_was_learnt() -> None:
    learning = learnt(2.0)
    bench = Comparing([saying("One.")] * 30, learning=learning)
    for number in range(DEPTH + 4):
        bench.ask(f"How would anybody paint house number {number} green?")
    bench.ask(NEAR)
    bench.ask(RENEWAL)
    pair = learning.seen[-1]
    assert (pair.asked.text, pair.candidate.text) == (RENEWAL, NEAR)
    assert len(pair.neighbourhood.asked) == len(pair.neighbourhood.candidate) == DEPTH
    keys = {known.key for known in bench.known() if known.text in (NEAR, RENEWAL)}
    assert not keys & {key for key, _ in (*pair.neighbourhood.asked, *pair.neighbourhood.candidate)}

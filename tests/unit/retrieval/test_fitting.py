"""Fitting finds what is there to be found, keeps to where it started, and never learns from what it is judged by."""

from __future__ import annotations

import random

import pytest

from slipstream.retrieval import fitting
from slipstream.retrieval.evidence import OF_LEGS, OF_TEXT
from slipstream.retrieval.fitting import Lesson, cross_validated, fit, folds
from slipstream.retrieval.parameters import Parameters, shipped, weighed

NOTHING = dict.fromkeys(OF_LEGS + OF_TEXT, 0.0)


def lessons(count: int, telling: str, seed: int = 1) -> list[Lesson]:
    """Ten candidates each; the one with the most of ``telling`` is relevant."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        rows = [{name: chance.random() for name in NOTHING} for _ in range(10)]
        best = max(rows, key=lambda row: row[telling])
        made.append(Lesson(rows, [float(row is best) for row in rows]))
    return made


def right(parameters: Parameters, judged: list[Lesson]) -> float:
    hits = [
        lesson.gains[max(range(10), key=lambda at: weighed(parameters.rerank, lesson.rows[at]))] for lesson in judged
    ]
    return sum(hits) / len(hits)


@pytest.mark.parametrize("telling", ["title", "cosine", "passage"])
def test_evidence_that_tells_is_learnt(telling: str) -> None:
    start = Parameters(fusion={"cosine": 1.0}, rerank={"cosine": 1.0})

    learnt = fit(lessons(300, telling), start)
    assert max(learnt.rerank, key=lambda name: learnt.rerank[name]) == telling
    assert right(learnt, lessons(100, telling, seed=2)) > max(0.6, right(start, lessons(100, telling, seed=2)) - 0.05)


def test_a_handful_of_judgements_hardly_moves_the_weights() -> None:
    start = shipped()

    few, many = fit(lessons(3, "title"), start), fit(lessons(300, "title"), start)
    moved = abs(few.rerank["title"] - start.rerank["title"])
    assert moved < abs(many.rerank["title"] - start.rerank["title"]) / 3


def test_nothing_to_learn_from_changes_nothing() -> None:
    unjudged = [Lesson([NOTHING, NOTHING], [0.0, 0.0]), Lesson([NOTHING], [1.0]), Lesson([], [])]

    learnt = fit(unjudged, shipped())
    assert {name: weight for name, weight in learnt.rerank.items() if weight} == pytest.approx(shipped().rerank)


def test_the_same_judgements_give_the_same_weights() -> None:
    assert fit(lessons(40, "title"), shipped()) == fit(lessons(40, "title"), shipped())


def test_folds_deal_every_question_once() -> None:
    dealt = folds(23)

    assert len(dealt) == 5
    assert sorted(number for fold in dealt for number in fold) == list(range(23))


def test_no_question_is_judged_by_weights_that_have_seen_it(monkeypatch: pytest.MonkeyPatch) -> None:
    taught: list[tuple[Parameters, list[Lesson]]] = []
    real = fitting.fit

    def watched(shown: list[Lesson], start: Parameters) -> Parameters:
        learnt = real(shown, start)
        taught.append((learnt, shown))
        return learnt

    monkeypatch.setattr(fitting, "fit", watched)
    judged = lessons(30, "title")
    used = cross_validated(judged, shipped())

    for lesson, parameters in zip(judged, used, strict=True):
        seen = [shown for learnt, shown in taught if learnt is parameters]
        assert len(seen) == 1
        assert all(other is not lesson for other in seen[0])
        assert len(seen[0]) == 24


def test_judgements_that_lie_in_one_fold_do_not_reach_its_own_judge() -> None:
    honest = lessons(30, "title")
    fold = folds(30)[0]
    lied = [
        Lesson(lesson.rows, list(reversed(lesson.gains))) if number in fold else lesson
        for number, lesson in enumerate(honest)
    ]

    before, after = cross_validated(honest, shipped()), cross_validated(lied, shipped())
    assert all(before[number] == after[number] for number in fold)
    assert any(before[number] != after[number] for number in range(30) if number not in fold)


def test_one_question_can_be_cross_validated() -> None:
    (used,) = cross_validated(lessons(1, "title"), shipped())

    assert used.rerank["title"] == pytest.approx(shipped().rerank["title"])

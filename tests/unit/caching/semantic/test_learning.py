"""Scorers from labels, and what of them runs where requests are served."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from slipstream.caching.semantic.boosting import boost
from slipstream.caching.semantic.learning import learn
from slipstream.caching.semantic.scorer import Scorer

LAMBDAS = Path(__file__).resolve().parents[4] / "lambdas"


def rows(count: int, seed: int) -> list[dict[str, float]]:
    chance = random.Random(seed)
    return [{"one": chance.gauss(0, 1), "other": chance.gauss(0, 1), "noise": chance.gauss(0, 1)} for _ in range(count)]


def right(scorer: Scorer, tests: list[dict[str, float]], truth: list[bool]) -> float:
    return sum((scorer.score(row) > 0) == same for row, same in zip(tests, truth, strict=True)) / len(tests)


def test_a_sum_of_evidence_is_learnt() -> None:
    train, tests = rows(200, 1), rows(500, 2)
    known = learn(train, [row["one"] + row["other"] > 0 for row in train])

    assert known is not None
    assert right(known.scorer, tests, [row["one"] + row["other"] > 0 for row in tests]) > 0.9


def test_trees_learn_what_no_sum_can() -> None:
    train, tests = rows(500, 1), rows(500, 2)
    known = learn(train, [row["one"] * row["other"] > 0 for row in train])

    assert known is not None
    assert known.scorer.trees_share > 0
    assert right(known.scorer, tests, [row["one"] * row["other"] > 0 for row in tests]) > 0.85


def test_scores_of_the_labels_are_of_scorers_that_have_not_seen_them() -> None:
    train = rows(150, 1)
    noise = [random.Random(number).random() < 0.5 for number in range(len(train))]
    known = learn(train, noise)

    assert known is not None
    grown = msgspec.structs.replace(known.scorer, trees_share=1.0)
    honest = sum((score > 0) == same for score, same in zip(known.scores, noise, strict=True)) / len(train)
    assert right(grown, train, noise) > 0.85
    assert honest < 0.65


@pytest.mark.parametrize("equal", [[True] * 50, [True] * 49 + [False], [False] * 50])
def test_labels_of_one_kind_teach_nothing(equal: list[bool]) -> None:
    assert learn(rows(50, 1), equal) is None


def test_the_same_labels_give_the_same_scorer() -> None:
    train = rows(100, 1)
    truth = [row["one"] > 0.3 for row in train]

    assert learn(train, truth) == learn(train, truth)


def test_trees_alone_part_what_they_were_grown_on() -> None:
    table = np.asarray([list(row.values()) for row in rows(300, 3)])
    truth = (np.abs(table[:, 0]) > 0.7).astype(float)
    trees, start = boost(table, truth)
    names = ("one", "other", "noise")
    scorer = Scorer(names, (0.0,) * 3, (1.0,) * 3, (0.0,) * 3, 0.0, trees, start, 1.0)

    assert right(scorer, [dict(zip(names, row, strict=True)) for row in table], [bool(one) for one in truth]) > 0.95


def test_deciding_needs_no_numpy() -> None:
    code = (
        "import sys; from slipstream.caching.semantic.verifier import Verifier, shipped; "
        "from slipstream.caching.semantic.features import Pair; from slipstream.caching.semantic.reading import read; "
        "assert Verifier(shipped()).decide(Pair(read('How do I sort?'), read('how can I sort'), 0.9)).serve; "
        "assert not {'numpy', 'sklearn', 'scipy'} & set(sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(LAMBDAS)}, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr

"""What matching by meaning would serve besides."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from slipstream.caching.precompute.meaning import added_by_meaning
from slipstream.caching.precompute.plan import Budget, evaluate
from slipstream.caching.precompute.query_log import read_log
from slipstream.caching.precompute.questions import Questions, questions_of
from slipstream.caching.precompute.value import Costs, Valuation
from slipstream.errors import InvalidRequest
from slipstream.models.resolve import Resolver
from tests.unit.caching.precompute.logs import steady, write

DIRECTIONS = {"bicycle": 0.0, "bike": 0.1, "tram": 1.5}


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    angles = [DIRECTIONS[text.lower()] for text in texts]
    return np.array([[np.cos(angle), np.sin(angle)] for angle in angles], np.float32)


@pytest.fixture
def questions(tmp_path: Path) -> Questions:
    rows = [*steady(("2020-01",), {"bicycle": 6}), *steady(("2020-02",), {"bicycle": 5, "BIKE": 3, "tram": 2})]
    return questions_of(read_log(write(tmp_path / "log.tsv", rows)), "en")


def test_a_near_question_counts_apart_from_what_is_served_by_stems(questions: Questions) -> None:
    periods = evaluate(questions, Budget(1, only_worthwhile=False), Valuation(Costs(), Resolver()))

    assert periods[0].tried.shares.served == 0.5
    assert added_by_meaning(questions, periods, embed, 0.9) == [pytest.approx(0.3)]
    assert added_by_meaning(questions, periods, embed, 0.999) == [0.0]


def test_a_cosine_that_means_nothing_is_refused(questions: Questions) -> None:
    with pytest.raises(InvalidRequest, match="least cosine is 90"):
        added_by_meaning(questions, [], embed, 90)

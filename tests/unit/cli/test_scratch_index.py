"""Commands that measure fill an index of their own, and leave nothing of it."""

from __future__ import annotations

from cli.search_engine import engine_for
from cli.tuning_engine import scratch_name
from slipstream.retrieval.index_name import check as check_name
from slipstream.retrieval.ports import IndexSpec

SPEC = IndexSpec(dimensions=2)


def test_of_two_runs_on_one_engine_neither_removes_the_other_s_index(double_url: str) -> None:
    with engine_for(double_url, "evaluation") as one:
        one.documents.create(one.index, SPEC)
        with engine_for(double_url, "evaluation") as other:
            other.documents.create(other.index, SPEC)
        left = one.documents.names()

    assert one.index in left
    assert other.index not in left
    assert one.index not in one.documents.names()


def test_a_run_that_made_no_index_ends_like_any_other(double_url: str) -> None:
    with engine_for(double_url, "fitting") as scratch:
        pass

    assert scratch.index not in scratch.documents.names()


def test_each_measured_candidate_has_a_name_of_its_own_that_an_index_can_have() -> None:
    names = {scratch_name("x" * 63) for _ in range(20)}

    assert len(names) == 20
    for name in names:
        check_name(name)

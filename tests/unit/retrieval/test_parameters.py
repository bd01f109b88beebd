"""Parameters are data: read with care, and named where they are wrong."""

from __future__ import annotations

import msgspec
import pytest

from slipstream.errors import InvalidRequest
from slipstream.retrieval.parameters import parameters_from, shipped


def test_the_shipped_parameters_weigh_both_legs() -> None:
    for weights in (shipped().fusion, shipped().rerank):
        assert weights["cosine"] > 0
        assert weights["passage"] > 0
        assert weights["document"] >= 0


def test_the_shipped_parameters_say_where_they_come_from() -> None:
    provenance = shipped().provenance

    assert provenance.fitted_on
    assert provenance.judged_queries > 0
    assert provenance.date
    assert set(provenance.ndcg_at_10) == set(provenance.fitted_on)


def test_parameters_survive_the_way_through_json() -> None:
    assert parameters_from(msgspec.json.encode(shipped())) == shipped()
    assert parameters_from(msgspec.to_builtins(shipped())) == shipped()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "no ranking parameters"),
        ("[]", "no ranking parameters"),
        ('{"fusion": {}}', "rerank"),
        ('{"fusion": {"cosine": "much"}, "rerank": {}}', "cosine|fusion"),
        ('{"fusion": {"luck": 1}, "rerank": {}}', "luck"),
        ('{"fusion": {"coverage": 1}, "rerank": {}}', "coverage"),
        ('{"fusion": {}, "rerank": {}, "margin": 3}', "margin"),
    ],
)
def test_what_is_wrong_is_named(text: str, named: str) -> None:
    with pytest.raises(InvalidRequest, match=named):
        parameters_from(text)

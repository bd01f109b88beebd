"""What is held of an index between searches."""

from __future__ import annotations

import msgspec
import pytest

from slipstream.disconnect import NEVER
from slipstream.errors import IndexNotFound
from slipstream.retrieval.described import DESCRIBED_FOR_S, Described, Descriptions
from slipstream.retrieval.parameters import shipped
from slipstream.telemetry.waterfall import Waterfall
from tests.unit.retrieval.loading import Desk


class Held:
    def __init__(self) -> None:
        self.desk = Desk()
        self.now_s = 0.0
        self._descriptions = Descriptions(self.desk.index, lambda: self.now_s, lambda work: work())

    def now(self) -> Described:
        return self._descriptions.of("docs", Waterfall(), NEVER)

    def after(self, seconds: float) -> Described:
        """What serves after the one that came ``seconds`` later has had it asked anew."""
        self.now_s += seconds
        self.now()
        return self.now()


@pytest.fixture
def held() -> Held:
    return Held()


def expansions(described: Described, text: str) -> list[str]:
    return [one.text for one in described.vocabulary.expansions(text)]


def test_what_an_index_learns_and_is_given_serves_once_its_description_is_renewed(held: Held) -> None:
    held.now()
    held.desk.index.set_synonyms("docs", ["delete, remove"])
    held.desk.load({"vpc.md": "A Virtual Private Cloud (VPC) is a network."})

    assert expansions(held.after(DESCRIBED_FOR_S), "delete a VPC") == []
    assert expansions(held.after(1), "delete a VPC") == ["remove", "Virtual Private Cloud"]


def test_what_is_made_of_a_description_is_kept_while_the_index_says_the_same(held: Held) -> None:
    first = held.now()

    assert held.after(DESCRIBED_FOR_S + 1) is first


def test_fitted_parameters_rank_and_those_that_ship_take_their_place_again(held: Held) -> None:
    fitted = msgspec.structs.replace(shipped(), skip_margin=1.0)
    assert held.now().parameters == shipped()

    held.desk.index.set_ranking("docs", msgspec.to_builtins(fitted))
    assert held.after(DESCRIBED_FOR_S + 1).parameters == fitted

    held.desk.index.set_ranking("docs", None)
    assert held.after(DESCRIBED_FOR_S + 1).parameters == shipped()


def test_an_index_that_is_gone_is_told_with_the_next_search(held: Held) -> None:
    held.now()
    held.desk.index.drop("docs")

    with pytest.raises(IndexNotFound):
        held.after(DESCRIBED_FOR_S + 1)

"""A pair as numbers."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from slipstream.caching.semantic.alignment import align
from slipstream.caching.semantic.features import Pair, featurize
from slipstream.caching.semantic.neighbourhood import DEPTH, Neighbourhood
from slipstream.caching.semantic.rarity import Rarity
from slipstream.caching.semantic.reading import read

TEXT = st.text(max_size=80)


def features(asked: str, candidate: str, cosine: float = 0.8, around: Neighbourhood | None = None) -> dict[str, float]:
    return featurize(Pair(read(asked), read(candidate), cosine, around or Neighbourhood()), Rarity())


@given(TEXT, TEXT)
def test_every_pair_has_the_same_features_and_all_are_finite(asked: str, candidate: str) -> None:
    found = features(asked, candidate)

    assert list(found) == list(features("what is s3", "what is ec2"))
    assert all(map(math.isfinite, found.values()))


@given(TEXT, TEXT)
def test_changing_sides_changes_the_sides_of_the_features_and_nothing_else(asked: str, candidate: str) -> None:
    there, back = features(asked, candidate), features(candidate, asked)
    swapped = {
        name.replace("asked", "\0").replace("candidate", "asked").replace("\0", "candidate"): value
        for name, value in back.items()
    }
    signed = {"longer_by", "repairs"}
    aligned = {"replaced", "inserted", "deleted", "longest_run"}  # one of several alignments of the same length

    for name in there.keys() - signed - aligned:
        assert math.isclose(there[name], swapped[name], abs_tol=1e-9), name
    assert there["longer_by"] == -back["longer_by"]


def test_the_same_question_leaves_nothing_over() -> None:
    found = features("How do I delete my account?", "how do i delete my account", 1.0)

    assert found["overlap"] == found["asked_aligned"] == found["candidate_aligned"] == 1.0
    assert found["asked_left"] == found["candidate_left"] == found["replaced"] == 0.0


def test_a_rare_word_that_is_left_over_weighs_more_than_a_common_one() -> None:
    rarity = Rarity()
    for _ in range(50):
        rarity.add(read("account").content)
    rarity.add(read("passkey").content)

    common = featurize(Pair(read("delete account"), read("delete"), 0.5), rarity)
    rare = featurize(Pair(read("delete passkey"), read("delete"), 0.5), rarity)

    assert rare["asked_left"] > common["asked_left"] > 0


def test_a_misspelt_word_is_left_over_less_than_another_word() -> None:
    assert features("stikethrough text", "strikethrough text")["asked_unlike"] < 0.3
    assert features("underlined text", "strikethrough text")["asked_unlike"] > 0.8


def test_shared_neighbours_count_as_far_down_as_they_are_shared() -> None:
    asked = tuple((number, 0.9 - number / 100) for number in range(DEPTH))
    candidate = tuple((number + 4, 0.8 - number / 100) for number in range(DEPTH))

    found = features("a", "b", 0.85, Neighbourhood(asked, candidate))

    assert (found["shared_4"], found["shared_8"], found["shared_16"]) == (0.0, 0.5, 0.75)
    assert math.isclose(found["closer_than_asked_1"], -0.05)
    assert math.isclose(found["bridge"], 0.8 - 0.85)


def test_a_young_index_says_nothing_of_neighbours() -> None:
    few = tuple((number, 0.9) for number in range(DEPTH - 1))

    assert features("a", "b", 0.85, Neighbourhood(few, few))["closer_than_asked_1"] == 0.0


@given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
def test_an_alignment_is_common_to_both_ascending_and_as_long_as_can_be(one: list[str], other: list[str]) -> None:
    pairs = align(tuple(one), tuple(other)).pairs

    assert all(one[row] == other[column] for row, column in pairs)
    assert list(pairs) == sorted(pairs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert len(pairs) == longest(one, other)


def longest(one: list[str], other: list[str]) -> int:
    """By trying every subsequence of the first."""

    def within(part: list[str]) -> bool:
        rest = iter(other)
        return all(word in rest for word in part)

    subsets = range(1 << len(one))
    chosen = ([word for at, word in enumerate(one) if subset >> at & 1] for subset in subsets)
    return max(len(part) for part in chosen if within(part))


def test_gaps_are_told_apart() -> None:
    found = align(("how", "do", "i", "sort", "rows"), ("how", "can", "i", "rows", "now"))

    assert (found.replaced, found.inserted, found.deleted, found.longest_run) == (1, 1, 1, 1)

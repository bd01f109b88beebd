"""Questions in memory: what is found is what comparing with all would have found."""

from __future__ import annotations

import math
import random
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipstream.caching.semantic.neighbourhood import DEPTH
from slipstream.caching.semantic.ports import Known
from slipstream.caching.semantic.question_index import PRESELECTED, QuestionIndex
from slipstream.caching.semantic.vectors import cosine, packed, signs

NOW_S = 1_000.0
SIZE = 6
components = st.floats(-1, 1, allow_nan=False)
vectors = st.lists(components, min_size=SIZE, max_size=SIZE).filter(lambda v: max(map(abs, v)) > 0.01)


def key_of(number: int) -> str:
    return f"{number:04d}"


def known(number: int, vector: list[float] | bytes, **more: Any) -> Known:
    raw = vector if isinstance(vector, bytes) else packed(vector)
    fields = {"key": key_of(number), "text": f"{number}?", "vector": raw, "answer": key_of(number),
              "asked_s": float(number), "expires_s": NOW_S + 100}  # fmt: skip
    return Known(**(fields | more))


def of(questions: list[list[float]]) -> tuple[QuestionIndex, list[Known]]:
    index, made = QuestionIndex(), [known(number, vector) for number, vector in enumerate(questions)]
    index.add(made)
    return index, made


def brute(vector: bytes, questions: list[Known], but: set[str]) -> list[tuple[str, float]]:
    found = [(one.key, cosine(vector, one.vector)) for one in questions if one.key not in but]
    return sorted(found, key=lambda one: (-one[1], one[0]))


@given(st.lists(vectors, min_size=1, max_size=PRESELECTED), vectors)
@settings(max_examples=60)
def test_what_is_found_among_few_is_what_comparing_with_all_finds(
    questions: list[list[float]], near: list[float]
) -> None:
    index, made = of(questions)
    asked = packed(near)
    found = index.nearest(asked, but="", now_s=NOW_S)
    assert found is not None
    expected = brute(asked, made, set())
    assert (found.known.key, found.cosine) == (expected[0][0], pytest.approx(expected[0][1]))
    both = {found.known.key}
    around = index.neighbourhood(found, but="")
    assert [key for key, _ in around.asked] == [key for key, _ in brute(asked, made, both)][:DEPTH]
    assert [key for key, _ in around.candidate] == [key for key, _ in brute(found.known.vector, made, both)][:DEPTH]


@given(st.data())
@settings(max_examples=40)
def test_adding_replacing_and_removing_leave_what_they_should(data: st.DataObject) -> None:
    index, made = QuestionIndex(most=12), dict[str, Known]()
    for step in range(data.draw(st.integers(1, 60))):
        number = data.draw(st.integers(0, 20))
        if data.draw(st.booleans()):
            one = known(number, data.draw(vectors), asked_s=float(step))
            index.add([one])
            made.pop(one.key, None)
            made[one.key] = one
            if len(made) > 12:
                del made[next(iter(made))]
        else:
            index.remove(key_of(number))
            made.pop(key_of(number), None)
    assert len(index) == len(made)
    assert {key: index.get(key) for key in made} == made
    assert (index.bytes > 0) == bool(made)
    asked = packed(data.draw(vectors))
    found = index.nearest(asked, but="", now_s=NOW_S)
    expected = brute(asked, list(made.values()), set())
    assert (None if found is None else found.known.key) == (expected[0][0] if expected else None)


def directions(count: int, size: int, seed: int) -> list[list[float]]:
    """Questions in groups: wordings of the same lie close together."""
    chance = random.Random(seed)
    centres = [[chance.gauss(0, 1) for _ in range(size)] for _ in range(count // 10)]
    return [[value + chance.gauss(0, 0.5) for value in centres[number % len(centres)]] for number in range(count)]


def test_among_many_the_nearest_is_found_and_hardly_a_neighbour_is_overlooked() -> None:
    index, made = of(directions(2000, 128, seed=7))
    right = neighbours = 0
    for one in made[:100]:
        found = index.nearest(one.vector, but=one.key, now_s=NOW_S)
        assert found is not None
        expected = brute(one.vector, made, {one.key})
        right += found.known.key == expected[0][0]
        near = {key for key, _ in expected[:10]}
        neighbours += len(near & {found.known.key, *(key for key, _ in found.near)})
    assert right == 100
    assert neighbours > 0.95 * 1000


def test_the_same_words_are_found_among_any_number() -> None:
    index, made = of(directions(3000, 64, seed=8))
    for one in made[::100]:
        found = index.nearest(one.vector, but="", now_s=NOW_S)
        assert found is not None
        assert found.cosine == pytest.approx(1.0)


def test_the_asked_question_itself_is_no_candidate() -> None:
    index, made = of([[1.0] * SIZE, [-1.0] * SIZE])
    found = index.nearest(made[0].vector, but=made[0].key, now_s=NOW_S)
    assert found is not None
    assert found.known == made[1]


def test_a_question_that_was_answered_with_anothers_leads_to_that_one() -> None:
    index, (owner, *_) = of([[1.0, 0.2, 0, 0, 0, 0], [-1.0, 0, 0, 0, 0, 0]])
    follower = known(7, [0.0, 1.0, 0, 0, 0, 0], answer=owner.key)
    index.add([follower])
    found = index.nearest(follower.vector, but="", now_s=NOW_S)
    assert found is not None
    assert found.known == owner
    assert found.cosine == pytest.approx(cosine(follower.vector, owner.vector))
    assert follower.key in {key for key, _ in found.near}


def test_one_whose_owner_is_gone_leads_nowhere() -> None:
    index = QuestionIndex()
    index.add([known(7, [1.0] * SIZE, answer=key_of(3))])
    assert index.nearest(packed([1.0] * SIZE), but="", now_s=NOW_S) is None


def test_a_question_whose_time_is_over_is_no_candidate() -> None:
    index, (one,) = of([[1.0] * SIZE])
    assert index.nearest(one.vector, but="", now_s=one.expires_s - 0.1) is not None
    assert index.nearest(one.vector, but="", now_s=one.expires_s) is None


def test_an_older_state_of_a_question_does_not_replace_a_newer_one() -> None:
    index, newer = QuestionIndex(), known(1, [1.0] * SIZE, asked_s=5.0)
    index.add([newer, known(1, [-1.0] * SIZE, asked_s=4.0)])
    assert index.get(newer.key) == newer


def test_beyond_the_limit_the_oldest_go() -> None:
    index = QuestionIndex(most=3)
    index.add(known(number, [1.0, number, 0, 0, 0, 0]) for number in range(10))
    assert [index.get(key_of(number)) is not None for number in range(10)] == [False] * 7 + [True] * 3


def test_a_text_without_a_direction_is_neither_kept_nor_near_anything() -> None:
    index, _ = of([[1.0] * SIZE])
    index.add([known(5, packed([0.0] * SIZE))])
    assert packed([0.0] * SIZE) == b""
    assert len(index) == 1
    assert index.nearest(b"", but="", now_s=NOW_S) is None


def test_vectors_of_another_length_are_not_compared() -> None:
    index, _ = of([[1.0] * SIZE])
    assert index.nearest(packed([1.0] * (SIZE + 1)), but="", now_s=NOW_S) is None


@given(st.lists(components, min_size=16, max_size=16), st.lists(components, min_size=16, max_size=16))
def test_a_packed_cosine_is_near_the_true_one(one: list[float], other: list[float]) -> None:
    lengths = math.sqrt(sum(x * x for x in one) * sum(x * x for x in other))
    if lengths < 1e-6:
        return
    true = sum(x * y for x, y in zip(one, other, strict=True)) / lengths
    assert cosine(packed(one), packed(other)) == pytest.approx(true, abs=0.03)


@given(vectors)
def test_signs_have_a_bit_for_each_dimension(vector: list[float]) -> None:
    raw = packed(vector)
    assert [bool(signs(raw) >> (SIZE - 1 - at) & 1) for at in range(SIZE)] == [byte < 128 for byte in raw]


def test_searches_while_questions_come_and_go_see_whole_ones() -> None:
    index, made = of(directions(300, 32, seed=9))
    wrong = list[object]()

    def change() -> None:
        for one in made * 2:
            index.remove(one.key)
            index.add([one])

    def search() -> None:
        for one in made:
            found = index.nearest(one.vector, but="", now_s=NOW_S)
            if found is None or abs(found.cosine - cosine(one.vector, found.known.vector)) > 1e-9:
                wrong.append(found)

    threads = [Thread(target=work) for work in (change, search, search)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert len(index) == len(made)

"""Markers are checked while the answer streams, and text never waits for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.retrieval.citations import CitationCheck

PASSAGES = [
    "Lambda > Retries. Lambda retries an asynchronous invocation twice by default.",
    "Reserved concurrency of zero stops all invocations of the function.",
    "DynamoDB costs 1,024 dollars and does not expire.",
]


def checked(answer: str, size: int = 7) -> tuple[str, CitationCheck]:
    check = CitationCheck(PASSAGES)
    pieces = [check.feed(answer[at : at + size]) for at in range(0, len(answer), size)]
    return "".join([*pieces, check.finish()]), check


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "Lambda retries an asynchronous invocation twice [1].",
            "Lambda retries an asynchronous invocation twice [1].",
        ),
        ("Lambda [1] retries an invocation twice.", "Lambda retries an invocation twice [1]."),
        ("Lambda retries an invocation twice. [1] Yes.", "Lambda retries an invocation twice. [1] Yes."),
        ("Lambda retries an invocation twice.[1]", "Lambda retries an invocation twice. [1]"),
        ("Lambda retries an invocation twice [1, 3]", "Lambda retries an invocation twice [1]"),
        ("- Zero stops all invocations [2]\n- Next", "- Zero stops all invocations [2]\n- Next"),
    ],
)
def test_a_marker_that_holds_stands_at_the_end_of_its_sentence(said: str, shown: str) -> None:
    assert checked(said)[0] == shown


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("another passage", "Lambda retries an asynchronous invocation twice [2]."),
        ("another figure", "DynamoDB costs 1,025 dollars [3]."),
        ("a negation that is not there", "Lambda never retries an asynchronous invocation [1]."),
        ("no such passage", "Lambda retries an asynchronous invocation twice [4]."),
        ("nothing of the kind", "Bananas are rich in potassium [1]."),
        ("a sentence that says nothing", "It is [1]."),
    ],
)
def test_a_marker_that_supports_nothing_is_left_out(why: str, said: str) -> None:
    shown, check = checked(said)

    assert "[" not in shown, why
    assert check.cited == []
    assert len(check.dropped) == 1


def test_figures_are_the_same_with_and_without_separators_and_a_negation_is_found() -> None:
    assert checked("DynamoDB costs 1024 dollars [3].")[1].cited[0].number == 3
    assert checked("DynamoDB does not expire [3].")[1].cited[0].support == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "see arr[0] and [abc]",
        "version 3.5 is e.g. fine",
        "`a[1]` is code",
        "```\nx = y[2].z\n```\n",
        "open [1",
        "… [,]",
        "an interval [0, 1] or [0-9]",
        "a year [2024] or [3-1]",
        "[passage] and [^note] and 【note】",
    ],
)
def test_what_is_no_marker_passes_as_it_is(text: str) -> None:
    assert checked(text)[0] == text


def test_text_is_shown_at_once_and_only_the_marker_waits() -> None:
    check = CitationCheck(PASSAGES)

    assert check.feed("Lambda [1]") == "Lambda"
    assert check.feed(" retries an invocation") == " retries an invocation"
    assert check.feed(" twice. Then") == " twice [1]. Then"


ANSWERS = st.lists(
    st.sampled_from([
        "Lambda", " retries", " twice", " invocation", ".", "!", " ", "\n", "[1]", "[2]", " [1, 3]", "[", "]", "[9",
        "[^1]", "【2†so", "urce】", "[Passage ", "1", " and 2]", "[0]", "arr", "[ 1-", "2 ]", "[01",
        "`", "```", "3.5", "1,024", " dollars", "。", "東", '."', " [", "…",
    ])
).map("".join)  # fmt: skip


@given(ANSWERS, st.integers(1, 40))
def test_however_an_answer_is_cut_the_same_text_comes_out(answer: str, size: int) -> None:
    whole, one = checked(answer, len(answer) or 1)
    pieces, many = checked(answer, size)

    assert pieces == whole
    assert (many.cited, many.dropped) == (one.cited, one.dropped)


@given(st.text().filter(lambda text: "[" not in text), st.integers(1, 9))
def test_an_answer_without_markers_is_not_changed(answer: str, size: int) -> None:
    assert checked(answer, size)[0] == answer


@pytest.mark.parametrize(
    ("passage", "answer", "holds"),
    [
        ("You must not delete the bucket.", "You must delete the bucket [1].", False),
        ("You must delete the bucket.", "You must not delete the bucket [1].", False),
        ("You must not delete the bucket.", "You must not ever delete the bucket [1].", True),
        ("The key no longer rotates.", "The key rotates [1].", False),
        ("The key isn't rotated.", "The key is not rotated [1].", True),
        ("You can delete a bucket without emptying it.", "You can delete a bucket [1].", True),
        ("You must not delete the bucket.", "The bucket must not be deleted [1].", True),
        ("Do not share keys. You must delete the bucket.", "You must delete the bucket [1].", True),
        ("Keys are not shared. You must delete the bucket.", "You must not delete the bucket [1].", False),
        ("It does not retry sync calls but retries async calls.", "It retries async calls [1].", True),
    ],
)
def test_neither_may_deny_what_the_other_says(passage: str, answer: str, holds: bool) -> None:
    check = CitationCheck([passage])
    check.feed(answer)
    check.finish()

    assert bool(check.cited) is holds
    assert bool(check.dropped) is not holds


@pytest.mark.parametrize(("shared", "foreign", "holds"), [(7, 3, True), (9, 4, False)])
def test_a_passage_has_to_hold_fifty_five_hundredths_of_a_sentence_s_weight(
    shared: int, foreign: int, holds: bool
) -> None:
    """With one passage a term that it holds weighs log(1 + 2 / 1.5), another log(1 + 2 / 0.5): 0.551 and 0.542."""
    held = [f"held{letter}" for letter in "abcdefghi"]
    check = CitationCheck([" ".join(held)])
    check.feed(" ".join([*held[:shared], *[f"other{letter}" for letter in "abcd"[:foreign]], "[1]."]))
    check.finish()

    assert bool(check.cited) is holds


def test_a_blank_passage_supports_nothing() -> None:
    check = CitationCheck([" "])

    assert check.feed("Lambda retries [1].") + check.finish() == "Lambda retries."
    assert check.dropped == [1]


@pytest.mark.parametrize(
    "form",
    ["[01]", "[ 1 ]", "[^1]", "[Passage 1]", "[passages 1 and 3]", "[1 and 3]", "[1, and 3]", "[1-3]", "[1–2]",
     "[1; 2]", "[1 & 2]", "【1】", "【1†source】", "[source 1]", "[^1, ^2]"],
)  # fmt: skip
def test_another_form_of_a_marker_is_checked_and_shown_like_the_usual_one(form: str) -> None:
    shown, check = checked(f"Lambda retries an asynchronous invocation twice {form}.")

    assert shown == "Lambda retries an asynchronous invocation twice [1]."
    assert [one.number for one in check.cited] == [1]


@pytest.mark.parametrize("form", ["[0]", "[00]", "【0】", "[Passage 9]", "【4†source】", "[^2]", "[2-3]"])
def test_another_form_that_supports_nothing_is_left_out(form: str) -> None:
    shown, check = checked(f"Lambda retries an asynchronous invocation twice {form}.")

    assert shown == "Lambda retries an asynchronous invocation twice."
    assert check.dropped


def test_a_marker_longer_than_any_is_text_however_it_is_cut() -> None:
    text = "Lambda retries [" + ", ".join(["1"] * 60) + "]."

    assert checked(text, 1)[0] == checked(text, len(text))[0] == text

"""Whether two answers say the same: what the rules tell, and what is in doubt."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipstream.caching.entry import Answered
from slipstream.caching.semantic.comparison import compare
from slipstream.caching.semantic.ports import Verdict
from slipstream.chat.events import OtherDelta, Started, Stopped, TextDelta

PAGES = (
    "A lost library card is replaced at the front desk. The new card costs 4 euros. Bring your passport or a letter "
    "with your address. The old card stops working at once.",
    "The kettle switches off by itself when the water boils. If it does not, clean the contact below the lid. Never "
    "put the kettle into water.",
    "Parking permits are valid for twelve months. You may renew yours from the first of November until the last day "
    "of the year. Residents of the old town pay less than visitors do.",
    "1. Open the settings.\n2. Choose Security.\n3. Turn two-step sign-in on.\nYou get a code by message each time.",
    "Trains leave for the airport every 20 minutes before midnight. After midnight there is one bus an hour. Tickets "
    "for both can be bought on board.",
)
BEFORE = ("Sure! ", "Certainly: ", "Of course, ", "Great question! ", "")
AFTER = (" I hope this helps!", " Let me know if you have any other questions.", "\nFeel free to ask for more.", "")


def answered(text: str, *, cites: tuple[str, ...] | None = None) -> Answered:
    half = len(text) // 2
    events = (Started(), TextDelta(text[:half]), TextDelta(text[half:]), Stopped("end_turn"))
    rag: dict[str, Any] | None = None
    if cites is not None:
        rag = {"index": "docs", "citations": [{"number": n, "document": one} for n, one in enumerate(cites, 1)]}
    return Answered(events=events, model_id="m", rag=rag)


def verdict(fresh: str, kept: str, **more: Any) -> Verdict:
    one, other = (
        compare(answered(fresh, **more), answered(kept, **more)),
        compare(answered(kept, **more), answered(fresh, **more)),
    )
    assert one == other, "who is compared with whom should not matter"
    return one


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("after", AFTER)
def test_courtesy_changes_nothing(page: str, before: str, after: str) -> None:
    assert verdict(f"{before}{page}{after}", page).equal is True


@given(st.sampled_from(PAGES[:3] + PAGES[4:]), st.randoms(use_true_random=False))
def test_the_order_of_the_sentences_changes_nothing(page: str, chance: random.Random) -> None:
    parts = page.rstrip(".").split(". ")
    turned = ". ".join(chance.sample(parts, len(parts))) + "."

    assert verdict(page, turned).equal is True


@pytest.mark.parametrize(
    ("was", "becomes", "reason"),
    [
        ("4 euros", "5 euros", "numbers"),
        ("twelve months", "thirteen months", "numbers"),
        ("every 20 minutes", "every 30 minutes", "numbers"),
        ("stops working", "never stops working", "negation"),
        ("Never put", "Always put", "opposites"),
        ("may renew", "may not renew", "negation"),
        ("can be bought", "cannot be bought", "negation"),
        ("sign-in on", "sign-in off", "opposites"),
        ("before midnight", "after midnight", "opposites"),
        ("pay less", "pay more", "opposites"),
        ("from the first of November", "from the last of November", "opposites"),
    ],
)
def test_one_word_turns_an_answer_into_another(was: str, becomes: str, reason: str) -> None:
    (page,) = [one for one in PAGES if was in one]

    found = verdict(page, page.replace(was, becomes))

    assert found == Verdict(False, f"differs in {reason}")


@given(st.sampled_from(PAGES), st.data())
def test_no_word_can_be_exchanged_dropped_or_added_unseen(page: str, data: st.DataObject) -> None:
    """Whatever carries a meaning, in any place: by the rules alone none of it passes as the same."""
    words = page.split(" ")
    places = [at for at, word in enumerate(words) if len(word.strip(".,")) > 5 and word.strip(".,").isalpha()]
    at = data.draw(st.sampled_from(places))
    kind = data.draw(st.sampled_from(("exchanged", "dropped", "added")))
    new = {"exchanged": ["gooseberry"], "dropped": [], "added": [words[at], "gooseberry"]}[kind]

    assert verdict(page, " ".join([*words[:at], *new, *words[at + 1 :]])).equal is False


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_two_texts_get_the_same_verdict_both_ways_round(one: str, other: str) -> None:
    verdict(one, other)


@given(st.sampled_from(PAGES), st.sampled_from(PAGES))
def test_different_pages_are_different(one: str, other: str) -> None:
    assert verdict(one, other).equal is (one == other)


def test_what_is_obliged_is_not_what_is_allowed() -> None:
    assert verdict("You may pay by card at the desk.", "You must pay by card at the desk.").equal is False


@pytest.mark.parametrize(
    ("one", "other"),
    [("x += 1 ends the loop", "x -= 1 ends the loop"), ("Use a < b here.", "Use a > b here."), ("at -5 °C", "at 5 °C")],
)
def test_signs_count(one: str, other: str) -> None:
    assert verdict(one, other).equal is False


def test_answers_that_cite_other_documents_are_different() -> None:
    fresh, kept = (answered(PAGES[0] + " [1]", cites=(document,)) for document in ("a.md", "b.md"))

    assert compare(fresh, kept) == Verdict(True, "same words")  # the same words cannot be two answers
    longer = answered("In short: " + PAGES[0] + " [1]", cites=("a.md",))
    assert compare(longer, kept) == Verdict(False, "differs in citations")


def test_one_that_cites_and_one_that_does_not_are_different() -> None:
    fresh, kept = answered("It costs 4 euros [1].", cites=("a.md",)), answered("It is 4 euros.", cites=())

    assert compare(fresh, kept) == Verdict(False, "differs in citations")


def test_more_said_from_the_same_documents_is_the_same_answer() -> None:
    page = PAGES[0]
    shorter = ". ".join(page.split(". ")[:3]) + "."

    assert verdict(page, shorter, cites=("a.md",)) == Verdict(True, "same sources")
    assert verdict(page, shorter) == Verdict(False, "in doubt")


@pytest.mark.parametrize(
    "more",
    ["However, the desk is closed.", "Only members may ask.", "It does not hold in summer.", "Since 2024 it is free.",
     "Children are exempt unless they are late."],
)  # fmt: skip
def test_more_that_may_take_back_the_rest_leaves_a_doubt(more: str) -> None:
    assert verdict(f"{PAGES[0]} {more}", PAGES[0], cites=("a.md",)) == Verdict(False, "in doubt")


@pytest.mark.parametrize(("one", "other", "equal"), [("Yes.", "yes", None), ("Yes.", "No.", False)])
def test_a_bare_yes_teaches_nothing_since_it_fits_by_chance(one: str, other: str, equal: bool | None) -> None:
    assert verdict(one, other).equal is equal


def test_what_is_not_text_is_not_compared() -> None:
    image = Answered(events=(Started(), OtherDelta(0, "image", {"x": 1}), Stopped("end_turn")), model_id="m")

    assert compare(image, image).equal is None
    assert verdict("", "").equal is None


class _Judge:
    def __init__(self, equal: bool | None) -> None:
        self.asked: list[tuple[str, str]] = []
        self._equal = equal

    def same(self, fresh: str, kept: str) -> Verdict:
        self.asked.append((fresh, kept))
        return Verdict(self._equal, "judged", 0.001)


@pytest.mark.parametrize("equal", [True, False, None])
def test_a_judge_is_asked_only_in_doubt(equal: bool | None) -> None:
    judge = _Judge(equal)
    fresh, kept = "Ask at the front desk for another card.", "Another card is to be had at the front desk."

    assert compare(answered(fresh), answered(kept), judge) == Verdict(equal, "judged", 0.001)
    assert compare(answered(PAGES[0]), answered(PAGES[0]), judge).equal is True
    assert compare(answered("It costs 4 euros."), answered("It costs 5 euros."), judge).equal is False
    assert judge.asked == [(fresh, kept)]

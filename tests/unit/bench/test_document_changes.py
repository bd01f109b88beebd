"""What counts as stale when answers are read while their documents change."""

from __future__ import annotations

from typing import Any

import pytest

from bench.document_changes import Seen


def reply(outcome: str, number: int) -> dict[str, Any]:
    text = f"The green lamp follows rule number {number}. [1]"
    return {"choices": [{"message": {"content": text}}], "slipstream": {"cache": {"outcome": outcome}}}


@pytest.mark.parametrize("outcome", ["hit", "joined"])
def test_a_kept_answer_that_is_older_than_what_was_acknowledged_is_stale(outcome: str) -> None:
    seen = Seen()
    seen.note(reply(outcome, 3), "green", at_least=4)
    assert (len(seen.stale), seen.behind) == (1, 0)


def test_a_new_answer_over_what_the_engine_does_not_show_yet_is_behind_and_not_stale() -> None:
    seen = Seen()
    seen.note(reply("miss", 3), "green", at_least=4)
    assert (seen.stale, seen.behind) == ([], 1)


def test_an_answer_of_that_version_or_a_later_one_is_neither() -> None:
    seen = Seen()
    for number in (4, 5):
        seen.note(reply("hit", number), "green", at_least=4)
    assert (seen.stale, seen.behind, seen.outcomes["hit"]) == ([], 0, 2)

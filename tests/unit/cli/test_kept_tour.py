"""The table of kept answers: which cache answered, what it cost and what it saved."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from cli.gateway_client import Reply
from cli.kept_tour import REWORDED, Asked, table


def reply(cost_usd: float, saved_usd: float, **cache: Any) -> Reply:
    report = {"cost_usd": cost_usd, "saved_usd": saved_usd, "cache": cache}
    return Reply(text="250 MB [1].", first_token_ms=12.0, total_ms=34.0, report=report)


@pytest.mark.parametrize(
    ("cache", "said"),
    [
        ({"outcome": "miss"}, "miss"),
        ({"outcome": "hit", "kind": "exact"}, "exact hit"),
        ({"outcome": "hit", "kind": "semantic"}, "semantic hit"),
        ({"outcome": "miss", "dropped": "changed"}, "miss (changed)"),
        ({"outcome": "late"}, "late"),
    ],
)
def test_an_outcome_is_told_in_the_reply_s_own_words(cache: dict[str, Any], said: str) -> None:
    assert Asked("asked", reply(0.004, 0.0, **cache)).outcome == said


def test_each_row_has_its_times_and_dollars() -> None:
    console = Console(width=110, record=True)
    console.print(table([Asked("asked", reply(0.004206, 0.0, outcome="miss")),
                         Asked("asked again", reply(0.0, 0.004206, outcome="hit", kind="exact"))]))  # fmt: skip
    first, again = (line for line in console.export_text().splitlines() if "asked" in line)
    assert "$0.004206" in first.split("34 ms")[1].split("$0.000000")[0]
    assert again.rstrip().endswith("$0.000000  $0.004206") or again.rstrip().endswith("$0.004206")


def test_the_other_words_are_shown_with_what_ships_of_them() -> None:
    console = Console(width=80, record=True)
    console.print(table([Asked("in other words", reply(0.0, 0.004206, outcome="hit", kind="semantic"))]))

    told = " ".join(console.export_text().split())
    assert f"In other words: “{REWORDED}”" in told
    assert "only the same words, less courtesy" in told

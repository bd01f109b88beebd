"""``slipstream eval cache`` on small files of own sentences, with vectors of the local model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.twins import twins
from cli.eval_cache import notes, too_few
from cli.main import main

KEYS = {"true_hit_rate", "served", "false_hit_rate", "false_hit_upper_95", "labels_revealed"}
THINGS = (
    "a library card",
    "my parking permit",
    "the garden hose",
    "a travel visa",
    "our office lamp",
    "the blue kettle",
)
WAYS = (
    "How do I replace {}?",
    "how can i replace {}",
    "What is the way to get another {}?",
    "{} has to be replaced, how?",
)


@pytest.fixture(autouse=True)
def vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def evaluate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["eval", "cache", *map(str, arguments)])


def test_pairs_give_one_object_with_the_promised_keys(tmp_path: Path) -> None:
    same = [f"1\t{WAYS[0].format(thing)}\t{way.format(thing)}" for thing in THINGS for way in WAYS[1:]]
    other = [f"0\t{twin.asked}\t{twin.candidate}" for twin in list(twins())[:20]]
    file = tmp_path / "pairs.tsv"
    file.write_text("\n".join(["label\ta\tb", *same, *other]))

    ran = evaluate("--pairs", file, "--json")

    assert ran.exit_code == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert (found["pairs"], found["epsilon"]) == (len(same) + len(other), 0.01)
    assert set(found["shipped"]) >= KEYS
    assert set(found["online"]) >= KEYS | {"regret", "orders"}
    assert len(found["online"]["orders"]) == 10
    assert found["shipped"]["served"] == len(THINGS)
    assert found["shipped"]["wrong"] == found["online"]["wrong"] == 0
    assert found["online"]["labels_revealed"] <= len(same + other) / 10
    assert found["note"] in notes(found)
    assert f"at least 1,000 are needed (10/ε), and there are {len(same + other)}" in found["note"]


def test_intents_are_paired_within_and_across(tmp_path: Path) -> None:
    file = tmp_path / "intents.tsv"
    rows = [f"t{number}\t{way.format(thing)}" for number, thing in enumerate(THINGS) for way in WAYS]
    file.write_text("\n".join(["intent\ttext", *rows]))

    ran = evaluate("--intents", file)

    assert ran.exit_code == 0, ran.stderr
    assert "54 pairs, 36 true" in ran.stdout
    assert "shipped" in ran.stdout
    assert "Too few pairs to learn from" in ran.stderr


@pytest.mark.parametrize(
    ("pairs", "epsilon", "few"),
    [(999, 0.01, True), (1_000, 0.01, False), (19, 0.5, True), (20, 0.5, False), (9_999, 0.001, True)],
)
def test_ten_pairs_are_needed_for_each_label_that_the_bound_needs(pairs: int, epsilon: float, few: bool) -> None:
    assert bool(too_few(pairs, epsilon)) is few


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--pairs FILE"),
        (("--pairs", "a.tsv", "--intents", "b.tsv"), "--pairs FILE"),
        (("--pairs", "none.tsv"), "there is no file none.tsv"),
        (("--pairs", "none.tsv", "--epsilon", "1.5"), "--epsilon"),
        (("--pairs", "none.tsv", "--epsilon", "0"), "--epsilon"),
        (("--pairs", "none.tsv", "--epsilon", "0.0009"), "0.001<=x<=0.5"),
        (("--pairs", "none.tsv", "--epsilon", "nan"), "nan is no number"),
    ],
)
def test_what_cannot_be_judged_is_refused(arguments: tuple[str, ...], said: str) -> None:
    ran = evaluate(*arguments)

    assert ran.exit_code != 0
    assert said in ran.stderr
    assert ran.stdout == ""

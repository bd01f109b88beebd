"""Files of judged pairs and of questions by intent."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipstream.caching.semantic.evaluation import Judged, Run, summary
from slipstream.caching.semantic.pairs import MAX_TRUE_PAIRS_OF_INTENT, read_intents, read_pairs, true_pairs
from slipstream.errors import InvalidRequest

PAIRS = "label\ta\tb\n1\thow to pay\thow can I pay\n0\thow to pay\thow to leave\n"
INTENTS = "intent\ttext\tkind\nt1\thow to pay\toriginal\nt1\tpaying\trephrase\nt2\thow to leave\toriginal\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "file.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_pairs_are_read_with_their_truth_and_repeated_ones_once(tmp_path: Path) -> None:
    found = read_pairs(written(tmp_path, PAIRS + "1\thow to pay\thow can I pay\r\n\n"))

    assert found == [Judged("how to pay", "how can I pay", True), Judged("how to pay", "how to leave", False)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "first line should be"),
        ("a\tb\tlabel\nx\ty\t1\n", "first line should be"),
        (PAIRS + "2\tx\ty\n", "line 4"),
        (PAIRS + "1\tx\n", "line 4"),
        (PAIRS + "1\tx\t \n", "line 4"),
        (PAIRS + "1\tx\ty\tz\n", "line 4"),
        (PAIRS + "0\thow to pay\thow can I pay\n", "both labels"),
        ("label\ta\tb\n1\tx\ty\n", "takes both"),
        ("label\ta\tb\n", "0 pairs"),
    ],
)
def test_a_file_of_pairs_that_cannot_be_used_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        read_pairs(written(tmp_path, text))


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"there is no file .*none\.tsv$"):
        read_pairs(tmp_path / "none.tsv")
    with pytest.raises(InvalidRequest, match=r"cannot be read: Is a directory$"):
        read_pairs(tmp_path)
    (tmp_path / "binary.tsv").write_bytes(b"label\ta\tb\n1\t\xff\t\xfe\n")
    with pytest.raises(InvalidRequest, match="UTF-8 text"):
        read_pairs(tmp_path / "binary.tsv")


def test_intents_are_read_with_or_without_more_columns(tmp_path: Path) -> None:
    assert read_intents(written(tmp_path, INTENTS)) == {"t1": ["how to pay", "paying"], "t2": ["how to leave"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [("intent\ttext\nt1\tx\nt1\ty\n", "two intents"), ("intent\ttext\nt1\tx\nt2\ty\n", "several questions"),
     (INTENTS + "t3\n", "line 5"), ("label\ta\tb\n", "first line should be")],
)  # fmt: skip
def test_a_file_of_intents_that_cannot_be_used_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        read_intents(written(tmp_path, text))


def test_no_intent_outweighs_the_rest() -> None:
    found = true_pairs({"t1": [f"question {number}" for number in range(20)], "t2": ["a", "b"]})

    assert len(found) == MAX_TRUE_PAIRS_OF_INTENT + 1
    assert all(pair.equal for pair in found)


def test_a_summary_is_of_the_means_and_keeps_every_order() -> None:
    runs = [Run(300, 3, 400, 50, early_served=10, early_wrong=1), Run(500, 0, 400, 50)]

    found = summary(runs, 0.01)

    assert (found["served"], found["false_hit_rate"], found["labels_revealed"]) == (400.0, 0.005, 50.0)
    assert 0.004 < found["false_hit_upper_95"] < 0.02
    assert [order["wrong"] for order in found["orders"]] == [3, 0]
    assert found["regret"]["wrong_beyond_epsilon"] == 0.45

"""Reading a query log: what is taken, and what each refusal says."""

from pathlib import Path

import pytest

from slipstream.caching.precompute.query_log import read_log
from slipstream.errors import InvalidRequest
from tests.unit.caching.precompute.logs import HEADER, write


def test_rows_of_one_spelling_and_period_are_added_up_whatever_their_order(tmp_path: Path) -> None:
    rows = [("2020-02", "maps", 3, 1), ("2020-01", "trees", 5, 4), ("2020-02", "maps", 4, 2)]

    log = read_log(write(tmp_path / "log.tsv", rows))

    assert log.periods == ("2020-01", "2020-02")
    assert [(one.query, one.impressions, one.visits) for one in log.asked[1]] == [("maps", 7, 3)]
    assert log == read_log(write(tmp_path / "log.tsv", reversed(rows)))


def test_packed_and_plain_logs_read_alike(tmp_path: Path) -> None:
    rows = [("2020-01", "straße", 1, 1), ("2020-02", "straße", 2, 1)]

    assert read_log(write(tmp_path / "log.tsv.gz", rows)).asked == read_log(write(tmp_path / "log.tsv", rows)).asked


def test_columns_may_stand_in_any_order_and_visits_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "log.tsv"
    path.write_text("query\timpressions\tmonth\nmaps\t2\t2020-01\nmaps\t3\t2020-02\n")

    log = read_log(path)

    assert (log.asked[1][0].impressions, log.asked[1][0].visits) == (3, 0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no column 'month' nor 'query' nor 'impressions'"),
        ("month\tquery\n2020-01\tmaps\n", "no column 'impressions'"),
        (f"{HEADER}\n", "no row with a query"),
        (f"{HEADER}\n2020-01\t \t4\t1\n2020-02\t\t4\t1\n", "no row with a query"),
        (f"{HEADER}\n2020-01\tmaps\t4\t1\n", "needs two at least"),
        (f"{HEADER}\n2020-01\tmaps\t-4\t1\n", "line 2: impressions is '-4'"),
        (f"{HEADER}\n2020-01\tmaps\t4\tmany\n", "line 2: visits is 'many'"),
        (f"{HEADER}\n2020-01\tmaps\t{'9' * 5000}\t1\n", "whole number"),
        (f"{HEADER}\n\n2020-01\tmaps\t4\n", "line 3 has 3 cells"),
        (f"{HEADER}\n\tmaps\t4\t1\n", "no period"),
        (f"{HEADER}\n2020-01\tmaps\t4\t1\n2020-01-17\tmaps\t4\t1\n", "not of one form"),
        (f"{HEADER}\n2020-13\tmaps\t4\t1\n2020-12\tmaps\t4\t1\n", "looks like a month and is none"),
        (f"{HEADER}\n9\tmaps\t4\t1\n10\tmaps\t4\t1\n", "Pad them with zeros"),
    ],
)
def test_a_log_that_cannot_be_used_is_refused_with_what_should_be_there(
    tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "log.tsv"
    path.write_text(content)

    with pytest.raises(InvalidRequest, match=said):
        read_log(path)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\x1f\x8b\x08\x00cut"])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / ("log.tsv.gz" if raw[:1] == b"\x1f" else "log.tsv")
    path.write_bytes(raw)

    with pytest.raises(InvalidRequest, match="should be UTF-8 text"):
        read_log(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"none\.tsv cannot be read"):
        read_log(tmp_path / "none.tsv")

"""What is told of progress where standard error is a file or a pipe."""

from __future__ import annotations

import pytest

from cli.load_view import LoadLines
from cli.progress import EVERY_S, Lines, bars
from cli.sending import Plan
from slipstream.retrieval.drafts import Item
from slipstream.retrieval.ingest_report import Report


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


ITEM = Item("a", "a", lambda: b"")


def test_a_load_tells_documents_passages_and_time_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    view = LoadLines(clock)
    view.plan(Plan(work=[(ITEM, frozenset(str(n) for n in range(2000)))]))
    for step in range(1, 31):
        clock.now_s += 1.0
        view.advance(Report(added=40 * step, passages=100 * step, failed=[]))

    assert capsys.readouterr().err.splitlines() == [
        "400 of 2,000 documents, 1,000 passages, 10 s",
        "800 of 2,000 documents, 2,000 passages, 20 s",
        "1,200 of 2,000 documents, 3,000 passages, 30 s",
    ]


def test_a_bucket_whose_size_nobody_knows_is_told_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    view = LoadLines(clock)
    clock.now_s += EVERY_S
    view.advance(Report(added=3, changed=1, passages=9, failed=[]))

    assert capsys.readouterr().err == "4 documents, 9 passages, 10 s\n"


def test_why_a_load_waits_is_told_at_once_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    view = LoadLines(Clock())
    view.wait("The engine is away.", 1.0)
    view.wait("The engine is away.", 2.0)

    assert capsys.readouterr().err == "The engine is away. Trying again in 1 s.\n"


def test_lines_do_not_come_closer_than_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = Lines(clock)
    for _ in range(25):
        clock.now_s += 1.0
        lines.if_due("on")

    assert capsys.readouterr().err == "on, 10 s\non, 20 s\n"


def test_each_thing_that_is_done_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with bars() as progress:
        for number in range(1, 7):
            progress("search", number, 6)
        progress("fit", 1, 1)

    told = [line.rpartition(", ")[0] for line in capsys.readouterr().err.splitlines()]
    assert told == ["search: 6 of 6", "fit: 1 of 1"]

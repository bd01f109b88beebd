from __future__ import annotations

import threading
from collections.abc import Iterator
from io import StringIO

from cli.waiting import CLEAR, with_sign_of_life


class Terminal(StringIO):
    def __init__(self, *, tty: bool) -> None:
        super().__init__()
        self.tty = tty
        self.told = threading.Event()

    def isatty(self) -> bool:
        return self.tty

    def write(self, text: str) -> int:
        written = super().write(text)
        self.told.set()
        return written


def test_a_terminal_is_told_what_is_waited_for_and_cleared_before_the_answer() -> None:
    terminal = Terminal(tty=True)

    def late() -> Iterator[str]:
        assert terminal.told.wait(30)
        yield "Forty"
        yield "-two."

    answer = with_sign_of_life(late(), "best", terminal, every_s=0.001)

    assert next(answer) == "Forty"
    shown = terminal.getvalue()
    assert "waiting for best … " in shown
    assert shown.endswith(CLEAR)
    assert list(answer) == ["-two."]
    assert terminal.getvalue() == shown


def test_what_is_no_terminal_stays_empty() -> None:
    terminal = Terminal(tty=False)

    assert list(with_sign_of_life(iter(["a", "b"]), "best", terminal, every_s=0.0)) == ["a", "b"]
    assert terminal.getvalue() == ""

"""A sign of life on a terminal until there is something to read."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

EVERY_S = 1.0
CLEAR = "\r\x1b[K"


def with_sign_of_life(
    pieces: Iterator[str], model: str, terminal: TextIO | None = None, every_s: float = EVERY_S
) -> Iterator[str]:
    """Hand ``pieces`` on; until the first, ``terminal`` (standard error) tells every ``every_s`` what is waited for.

    Says nothing where that is no terminal.
    """
    terminal = terminal or sys.stderr
    if not terminal.isatty():
        yield from pieces
        return
    there = threading.Event()
    teller = threading.Thread(target=_tell, args=(terminal, model, there, every_s), daemon=True)
    teller.start()
    try:
        for piece in pieces:
            _end(there, teller)
            yield piece
    finally:
        _end(there, teller)


def _tell(terminal: TextIO, model: str, there: threading.Event, every_s: float) -> None:
    began = time.monotonic()
    told = False
    while not there.wait(every_s):
        terminal.write(f"{CLEAR}waiting for {model} … {time.monotonic() - began:.0f} s")
        terminal.flush()
        told = True
    if told:
        terminal.write(CLEAR)
        terminal.flush()


def _end(there: threading.Event, teller: threading.Thread) -> None:
    if not there.is_set():
        there.set()
        teller.join()

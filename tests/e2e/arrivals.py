"""Whether the pieces of an answer reach the client while the model is still at work."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar
from urllib.request import Request, urlopen

T = TypeVar("T")
TOKENS_FIRST = 3
HELD_MS = 30_000
"""How long the model falls silent after those tokens, if nobody lets it go on: less than any client waits."""
LOOKS, LOOK_S = 1000, 0.01


class HeldModel:
    """The local Bedrock server, which stops in the middle of an answer; ``faults`` is its URL for that."""

    def __init__(self, faults: str) -> None:
        self._faults = faults

    def hold(self) -> None:
        """Have the next streamed answer stop after its first tokens."""
        fault = json.dumps({"kind": "stall", "after": TOKENS_FIRST, "delay_ms": HELD_MS}).encode()
        urlopen(Request(self._faults, fault, {"content-type": "application/json"})).close()

    def go_on(self) -> bool:
        """Let it write the rest; says whether it was stopped."""
        with urlopen(Request(self._faults, method="DELETE")) as answer:
            return bool(json.load(answer)["released"])


class Arrivals:
    """Lets the model go on once as many pieces as tokens have come: order proves the streaming, and no time does.

    Whatever collects an answer before it hands it on gets the end only after the model has given up waiting, and then
    there is nothing left to let go on. A slow machine changes nothing of that.
    """

    def __init__(self, model: HeldModel) -> None:
        self._model = model
        self.streamed = False
        """Whether those pieces came while the model was stopped before its end."""

    def of(self, pieces: Iterable[T]) -> Iterator[T]:
        """Hand the pieces on."""
        for number, piece in enumerate(pieces, 1):
            if number == TOKENS_FIRST:
                self.streamed = self._let_go_on()
            yield piece

    def _let_go_on(self) -> bool:
        pause = threading.Event()
        for _ in range(LOOKS):  # the last of those may be here before the model comes to its stop
            if self._model.go_on():
                return True
            pause.wait(LOOK_S)
        return False

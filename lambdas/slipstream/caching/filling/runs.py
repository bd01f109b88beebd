"""One run of pre-computation: what it planned, and what became of each item. Stores for both.

``aws`` implements them, ``fakes`` doubles them. What became of an item is written as soon as it is known, each by
itself: a run that is killed and begun again knows what is done, and its counts are always the sum of what was done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Literal, Protocol

import msgspec

Outcome = Literal["answered", "held", "refused", "failed"]
"""``held``: an answer that lives long enough stood there already. ``refused``: it was made and may not be kept."""
KEPT_S = 90 * 86_400.0
"""How long a run and what became of its items are known."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One question to be answered: a line of a plan, as JSON."""

    namespace: str
    family: str
    key: str
    """Of the item: the same question of the same family has the same in each run."""
    question: str
    expected_hits: float
    cost_usd: float


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run. ``items`` None: it is not planned yet. Times are Unix seconds."""

    run: str
    started_s: float
    refill: bool = False
    """Whether it takes the last plan again, for the answers that have ended since."""
    items: int | None = None
    cost_usd: float = 0.0
    """What the plan is expected to cost."""
    budget_usd: float | None = None
    """What may be spent; None: no limit."""
    plan: str = ""
    """Where its items are: a key of PlanFiles."""
    skipped: dict[str, int] = {}
    """What mining left out, by the reason."""


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an item. ``reason`` says why it was refused or failed."""

    key: str
    outcome: Outcome
    reason: str = ""
    cost_usd: float = 0.0


class RunStore(Protocol):
    """Every method raises a SlipstreamError where the store fails."""

    def put(self, run: Run) -> None:
        """Keep a run, in place of what is known of it."""
        ...

    def get(self, run: str) -> Run | None:
        """One run, read consistently."""
        ...

    def newest(self) -> Sequence[Run]:
        """Runs, the newest first."""
        ...

    def fill(self, run: str, filled: Filled) -> None:
        """Keep what became of an item."""
        ...

    def filled(self, run: str) -> Iterable[Filled]:
        """What became of a run's items so far, read consistently."""
        ...


class PlanFiles(Protocol):
    """Plans, as one JSON line an item. ``bucket`` is where they are; empty: in this process."""

    bucket: str

    def put(self, key: str, lines: bytes) -> None:
        """Write a plan."""
        ...

    def get(self, key: str) -> bytes | None:
        """A plan, or None."""
        ...


def item_key(namespace: str, family: str, question: str) -> str:
    """An item's own key."""
    return blake2b(f"{namespace}\0{family}\0{question}".encode(), digest_size=16).hexdigest()


def lines_of(items: Sequence[Item]) -> bytes:
    """A plan as it is written."""
    return b"".join(msgspec.json.encode(item) + b"\n" for item in items)


def items_of(lines: bytes) -> list[Item]:
    """A plan as it was written. Raises msgspec.MsgspecError."""
    return [msgspec.json.decode(line, type=Item) for line in lines.splitlines() if line]

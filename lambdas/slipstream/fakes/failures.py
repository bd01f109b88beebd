"""Failure records and dead letters in memory."""

from __future__ import annotations

from collections.abc import Callable

from slipstream.retrieval.failures import FailureRecord, Replayed


class MemoryFailures:
    """Implements FailureStore."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], FailureRecord] = {}

    def put(self, record: FailureRecord) -> None:
        """See FailureStore."""
        self._records[record.index, record.origin] = record

    def all(self, index: str) -> list[FailureRecord]:
        """See FailureStore."""
        return sorted((r for r in self._records.values() if r.index == index), key=lambda record: record.origin)

    def remove(self, index: str, origin: str) -> None:
        """See FailureStore."""
        self._records.pop((index, origin), None)


class MemoryDeadLetters:
    """Implements DeadLetters. ``replayed`` is what went back to be worked on."""

    def __init__(self) -> None:
        self.buried: list[tuple[str, FailureRecord]] = []
        self.replayed: list[str] = []

    def bury(self, message: str, record: FailureRecord) -> None:
        """See DeadLetters."""
        self.buried.append((message, record))

    def replay(self, index: str, is_late: Callable[[], bool] = lambda: False) -> Replayed:
        """See DeadLetters."""
        found = [pair for pair in self.buried if pair[1].index == index]
        count = 0
        for pair in found:
            if is_late():
                break
            self.buried.remove(pair)
            self.replayed.append(pair[0])
            count += 1
        return Replayed(count, count == len(found))

"""Failure records and dead letters in memory."""

from __future__ import annotations

from slipstream.retrieval.failures import FailureRecord


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

    def replay(self, index: str) -> int:
        """See DeadLetters."""
        found = [message for message, record in self.buried if record.index == index]
        self.buried = [pair for pair in self.buried if pair[1].index != index]
        self.replayed += found
        return len(found)

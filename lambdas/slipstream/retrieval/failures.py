"""What an operator has to know of documents that did not make it into an index by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec


class FailureRecord(msgspec.Struct, frozen=True):
    """An object of the bucket that could not be loaded. One record an object: a later failure replaces it."""

    index: str
    origin: str
    """The object's URI."""
    code: str
    reason: str
    retryable: bool
    at_s: int
    """Of the last attempt; seconds since the epoch."""
    documents: int = 1
    """How many of the object's documents failed; the reason is that of the first."""


class FailureStore(Protocol):
    """Keeps one record an object, until it is loaded or has left the bucket."""

    def put(self, record: FailureRecord) -> None:
        """Write or replace. Raises UpstreamUnavailable."""
        ...

    def all(self, index: str) -> list[FailureRecord]:
        """An index's records, by origin. Raises UpstreamUnavailable."""
        ...

    def remove(self, index: str, origin: str) -> None:
        """Forget; nothing happens where there is none. Raises UpstreamUnavailable."""
        ...


class Replayed(msgspec.Struct, frozen=True):
    """What one replay did; not ``finished``: there was no time to look at all of the queue."""

    messages: int
    finished: bool


class DeadLetters(Protocol):
    """The queue of what could not be loaded, and the way back into the queue that is worked on."""

    def bury(self, message: str, record: FailureRecord) -> None:
        """Put a message there with its reason beside it. Raises UpstreamUnavailable."""
        ...

    def replay(self, index: str, is_late: Callable[[], bool] = lambda: False) -> Replayed:
        """Send the messages of one index back to be worked on, until ``is_late``. Raises UpstreamUnavailable."""
        ...

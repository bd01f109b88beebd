"""What a load did: told while it runs and at its end."""

from __future__ import annotations

import msgspec

from slipstream.errors import SlipstreamError


class Failure(msgspec.Struct, frozen=True):
    """A document that is not in the index as it should be. ``retryable``: the same document may succeed later."""

    id: str
    code: str
    reason: str
    retryable: bool = False


class Report(msgspec.Struct):
    """Documents by what became of them. ``stopped`` says why the load ended before its source did."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    failed: list[Failure] = []
    passages: int = 0
    """Of the documents written."""
    embedded: int = 0
    """Passages whose vector was computed; the others had it from an earlier version of their document."""
    seconds: float = 0.0
    stopped: Failure | None = None

    @property
    def documents(self) -> int:
        """Seen so far."""
        return self.added + self.changed + self.unchanged + len(self.failed)

    @property
    def passages_per_s(self) -> float:
        """Of the whole load."""
        return self.passages / self.seconds if self.seconds else 0.0


def failure(document_id: str, error: SlipstreamError) -> Failure:
    """The error as a report holds it."""
    return Failure(document_id, error.code, error.message, error.retryable)

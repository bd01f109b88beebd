"""What is kept of a key, and the port to where it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A key without its secret. Times are Unix seconds; ``models`` are ids, aliases or globs, empty means all."""

    key_id: str
    digest: str
    """Keyed hash of id and secret, hex."""
    tenant: str
    scopes: tuple[str, ...]
    models: tuple[str, ...] = ()
    name: str = ""
    created_s: int
    expires_s: int | None = None
    revoked_s: int | None = None

    def usable(self, now_s: float) -> bool:
        """Say whether the key is neither revoked nor expired."""
        return self.revoked_s is None and (self.expires_s is None or now_s < self.expires_s)


class KeyStore(Protocol):
    """Where keys are kept. Every method raises UpstreamUnavailable when the store cannot be reached."""

    def add(self, record: KeyRecord) -> None:
        """Keep a new record. Raises KeyExists if the id is taken."""
        ...

    def get(self, key_id: str) -> KeyRecord | None:
        """Return the record, read consistently, or None."""
        ...

    def all(self) -> Iterator[KeyRecord]:
        """Yield every record, in no order."""
        ...

    def revoke(self, key_id: str, at_s: int) -> KeyRecord | None:
        """Mark the record as revoked, keeping the first time if it was already; return it, or None if unknown."""
        ...


class KeyExists(Exception):
    """A record of that id is kept already."""

"""A bucket in memory."""

from __future__ import annotations

from hashlib import blake2b

from slipstream.errors import UnreadableDocument
from slipstream.retrieval.object_events import StoredObject


class MemoryObjects:
    """Implements ObjectStore over ``stored``: (bucket, key) → bytes."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], bytes] = {}

    def look(self, bucket: str, key: str) -> StoredObject | None:
        """See ObjectStore."""
        raw = self.stored.get((bucket, key))
        return None if raw is None else StoredObject(blake2b(raw, digest_size=16).hexdigest(), len(raw))

    def read(self, bucket: str, key: str) -> bytes:
        """See ObjectStore."""
        if (bucket, key) not in self.stored:
            raise UnreadableDocument(f"s3://{bucket}/{key} is gone", code="unreachable_document", retryable=True)
        return self.stored[bucket, key]

"""What a load sends: files as they are, records one by one, each with the version that the gateway will give it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from slipstream.retrieval.documents_body import as_new_document
from slipstream.retrieval.drafts import Draft, Item, Refused, drafts
from slipstream.retrieval.ingest_report import Failure, failure
from slipstream.retrieval.parsing.parse import is_records
from slipstream.retrieval.parsing.parsed import Columns

MOST_DOCUMENTS, MOST_BYTES = 32, 192_000
"""Of one request, unless a single document is larger: small enough to be embedded within a call's time."""
LARGEST_BYTES = 6_000_000
"""Of one document as JSON; the gateway takes no larger body."""


@dataclass
class Plan:
    """What there is to do: items with ids of theirs that the index lacks in their present version."""

    work: list[tuple[Item, frozenset[str]]] = field(default_factory=list)
    older: set[str] = field(default_factory=set)
    """Of these ids the index holds another version."""
    unchanged: int = 0
    seen: set[str] = field(default_factory=set)
    failed: list[Failure] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    """Origins of which not everything could be read: what is indexed of them stays."""

    @property
    def documents(self) -> int:
        """To be sent."""
        return sum(len(ids) for _, ids in self.work)


def plan(items: Iterable[Item], known: Mapping[str, str], columns: Columns) -> Plan:
    """Read everything once and compare versions; nothing is kept in memory but ids."""
    made = Plan()
    for item in items:
        wanted = set()
        for found in drafts([item], columns=columns):
            if isinstance(found, Refused):
                made.failed.append(failure(found.id, found.error))
                made.unread.add(found.origin)
                made.seen.add(found.id)
            elif found.id in made.seen:
                text = f"the id '{found.id}' stood in this load before, and again in '{item.id}': give each its own"
                made.failed.append(Failure(found.id, "duplicate_id", text))
            else:
                made.seen.add(found.id)
                if known.get(found.id) == found.version:
                    made.unchanged += 1
                else:
                    wanted.add(found.id)
                    if found.id in known:
                        made.older.add(found.id)
        if wanted:
            made.work.append((item, frozenset(wanted)))
    return made


def batches(made: Plan, columns: Columns) -> Iterator[list[dict[str, Any]]]:
    """Documents as the gateway takes them, a request's worth at a time."""
    batch: list[dict[str, Any]] = []
    size = 0
    for document in _documents(made, columns):
        length = len(json.dumps(document))
        if length > LARGEST_BYTES:
            made.failed.append(Failure(document["id"], "document_too_large", f"'{document['id']}' is "
                f"{length / 1e6:.1f} MB as it is sent, the limit is {LARGEST_BYTES / 1e6:.0f} MB: put it into the "
                "documents bucket, or split it"))  # fmt: skip
            continue
        if batch and (len(batch) >= MOST_DOCUMENTS or size + length > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(document)
        size += length
    if batch:
        yield batch


def _documents(made: Plan, columns: Columns) -> Iterator[dict[str, Any]]:
    for item, ids in made.work:
        try:
            raw = item.read()
        except OSError as error:  # it was there a moment ago
            made.failed.append(Failure(item.id, "unreachable_document", f"'{item.id}' is gone ({error.strerror})"))
            continue
        if not is_records(raw, item.id, item.content_type):
            yield {
                "id": item.id, "content": b64encode(raw).decode(), "origin": item.origin, "source": item.source,
                "updated_at": item.updated_at_s,
            }  # fmt: skip
            continue
        for found in drafts([item], columns=columns):
            if isinstance(found, Draft) and found.id in ids:
                yield as_new_document(found.parse(), found.id, found.origin)

"""From what lies in a folder or a bucket to drafts: documents that know their version before they are parsed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import msgspec

from slipstream.chat.retrieval_options import Scalar
from slipstream.errors import SlipstreamError, UnreadableDocument
from slipstream.retrieval.parsing.parse import is_records, parse
from slipstream.retrieval.parsing.parsed import USUAL_COLUMNS, USUAL_LIMITS, Columns, Limits, Parsed

LONGEST_ID_BYTES = 512
"""What engines take as a document's id."""


class Item(msgspec.Struct, frozen=True):
    """A file or an object: ``id`` names it inside its source, ``origin`` everywhere."""

    id: str
    origin: str
    read: Callable[[], bytes]
    source: str = ""
    content_type: str = ""
    updated_at_s: float | None = None
    attributes: Mapping[str, Scalar] = {}


class Source(Protocol):
    """A folder or a bucket."""

    def items(self) -> Iterator[Item]:
        """Everything that is there, in the order of its ids; nothing is read yet."""
        ...


class Draft(msgspec.Struct, frozen=True):
    """One document, not yet parsed. ``parse`` raises UnreadableDocument."""

    id: str
    version: str
    origin: str
    parse: Callable[[], Parsed]
    source: str = ""
    updated_at_s: float | None = None
    attributes: Mapping[str, Scalar] = {}
    size_bytes: int = 0
    replaces: bool = False
    """Takes the place of whatever has its id, of which origin that may be."""


class Refused(msgspec.Struct, frozen=True):
    """What became no draft. Documents of its origin that are indexed stay as they were."""

    id: str
    origin: str
    error: SlipstreamError


def drafts(
    items: Iterable[Item], *, limits: Limits = USUAL_LIMITS, columns: Columns = USUAL_COLUMNS
) -> Iterator[Draft | Refused]:
    """Each item's documents: a file's one, or one for each of its records."""
    for item in items:
        try:
            yield from _of(item, limits, columns)
        except (SlipstreamError, OSError) as error:
            known = error if isinstance(error, SlipstreamError) else _unreachable(item, error)
            yield Refused(item.id, item.origin, known)


def _of(item: Item, limits: Limits, columns: Columns) -> Iterator[Draft | Refused]:
    raw = item.read()
    if not is_records(raw, item.id, item.content_type):
        check_id(item.id)
        yield Draft(
            item.id,
            version_of(raw, item.attributes),
            item.origin,
            lambda: _only(raw, item, limits, columns),
            item.source,
            item.updated_at_s,
            item.attributes,
            len(raw),
        )
        return
    for number, found in enumerate(
        parse(raw, item.id, content_type=item.content_type, limits=limits, columns=columns), 1
    ):
        if isinstance(found, Parsed):
            yield record(found, item)
        else:
            yield Refused(f"{item.id}#{number}", item.origin, found)


def record(found: Parsed, item: Item) -> Draft:
    """The draft of a document that is parsed already. Without an id of its own it is known by its content."""
    content = msgspec.structs.replace(found, id="")
    version = version_of(msgspec.json.encode(content, order="deterministic"), item.attributes)
    identifier = found.id or f"{item.id}#{version[:16]}"
    check_id(identifier)
    size = len(found.text)
    return Draft(identifier, version, item.origin, lambda: found, item.source, item.updated_at_s, item.attributes, size)


def version_of(raw: bytes, attributes: Mapping[str, Scalar]) -> str:
    """BLAKE2b-256 of a document's bytes and of what its source says besides, in hex."""
    state = hashlib.blake2b(len(raw).to_bytes(8, "big"), digest_size=32)
    state.update(raw)
    state.update(msgspec.json.encode(dict(attributes), order="deterministic"))
    return state.hexdigest()


def check_id(identifier: str) -> None:
    """Raise UnreadableDocument for an id that no engine takes."""
    size = len(identifier.encode("utf-8", "replace"))
    if not 0 < size <= LONGEST_ID_BYTES:
        raise UnreadableDocument(
            f"the id '{identifier[:60]}…' has {size} bytes, an id has 1 to {LONGEST_ID_BYTES}: give it a shorter one",
            code="bad_id",
        )


def _only(raw: bytes, item: Item, limits: Limits, columns: Columns) -> Parsed:
    for found in parse(raw, item.id, content_type=item.content_type, limits=limits, columns=columns):
        if isinstance(found, Parsed):
            return found
        raise found
    raise UnreadableDocument(f"'{item.id}' holds no document", code="empty_document")


def _unreachable(item: Item, error: OSError) -> UnreadableDocument:
    return UnreadableDocument(
        f"'{item.id}' cannot be read ({error.strerror or type(error).__name__}): is it there, and allowed?",
        code="unreachable_document",
    )

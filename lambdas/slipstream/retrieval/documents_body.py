"""What callers send: the bodies of the routes below /v1/indexes, and documents in them → drafts."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator
from typing import Any, Literal, TypeVar

import msgspec

from slipstream.chat.retrieval_options import Scalar
from slipstream.errors import InvalidRequest, SlipstreamError
from slipstream.retrieval.drafts import Draft, Item, Refused, drafts, record
from slipstream.retrieval.parsing import fields, refusals
from slipstream.retrieval.parsing.decode import clean
from slipstream.retrieval.parsing.languages import language_of
from slipstream.retrieval.parsing.parsed import Columns, Parsed

MAX_DOCUMENTS = 1_000
T = TypeVar("T")


class NewDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``text``, or a file in ``content`` (base64), whose format its bytes, ``id`` and ``content_type`` tell."""

    id: str
    text: str = ""
    content: str = ""
    content_type: str = ""
    title: str = ""
    format: Literal["markdown", "plain"] = "markdown"
    source: str = ""
    origin: str = ""
    language: str = ""
    updated_at: float | str | None = None
    popularity: float | None = None
    attributes: dict[str, Scalar] = {}


class NewDocuments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/indexes/{name}/documents."""

    documents: list[NewDocument]
    columns: Columns = Columns()


class Ids(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/indexes/{name}/documents/delete."""

    ids: list[str]


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/indexes/{name}/load: objects below ``uri``, those whose key sorts behind ``after``."""

    uri: str
    after: str = ""


class Synonyms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PUT /v1/indexes/{name}/synonyms: lines as ``question.synonyms`` reads them."""

    rules: list[str]


def decode(body: bytes, kind: type[T], example: str) -> T:
    """The body as ``kind``. Raises InvalidRequest that names the field, as a path in the caller's body."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        field = where.rstrip("`").removeprefix(".")
        if "unknown field" in message or "missing required field" in message:
            name = message.split("`")[1]
            field = f"{field}.{name}" if field else name
        raise InvalidRequest(
            f"the body is not as it should be: {message}; send {example}", param=field or None
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidRequest(f"the body is no JSON: send {example}", param="body") from None


def drafts_of(wanted: NewDocuments) -> Iterator[Draft | Refused]:
    """One draft a document, or one a record of a file that holds records.

    A document with neither text nor content is refused alone. Raises InvalidRequest for one with both, or content that
    is no base64.
    """
    if not 0 < len(wanted.documents) <= MAX_DOCUMENTS:
        raise InvalidRequest(
            f"documents holds {len(wanted.documents):,}: send 1 to {MAX_DOCUMENTS:,} in one call", param="documents"
        )
    checked = [(document, _content(document, at)) for at, document in enumerate(wanted.documents)]
    return _drafts(checked, wanted.columns)


def _drafts(checked: list[tuple[NewDocument, bytes]], columns: Columns) -> Iterator[Draft | Refused]:
    for document, content in checked:
        item = Item(
            id=document.id,
            origin=document.origin or document.id,
            read=lambda content=content: content,  # type: ignore[misc]
            source=document.source,
            content_type=document.content_type,
            updated_at_s=fields.seconds(document.updated_at),
            attributes=document.attributes if content else {},
        )
        named = not document.origin
        if content:
            yield from (replacing(each, document.id) if named else each for each in drafts([item], columns=columns))
            continue
        if not document.text:
            yield Refused(document.id, item.origin, refusals.empty(f"'{document.id}'"))
            continue
        try:
            made = record(_parsed(document), item)
            yield replacing(made, document.id) if named else made
        except SlipstreamError as error:
            yield Refused(document.id, item.origin, error)


def replacing(made: Draft | Refused, document_id: str) -> Draft | Refused:
    """A document that its caller names by its id, of no origin: it takes the place of what has that id.

    The records of a file keep the file as their origin: nobody named them one by one.
    """
    if isinstance(made, Draft) and made.id == document_id:
        return msgspec.structs.replace(made, replaces=True)
    return made


def _parsed(document: NewDocument) -> Parsed:
    text = clean(document.text).strip()
    return Parsed(
        title=document.title,
        text=text,
        format=document.format,
        language=document.language or language_of(text),
        id=document.id,
        source=document.source,
        updated_at_s=fields.seconds(document.updated_at),
        popularity=document.popularity,
        attributes=fields.attributes(document.attributes),
    )


def as_new_document(parsed: Parsed, identifier: str, origin: str) -> dict[str, Any]:
    """The JSON that a client sends for a document that it has parsed; the server makes the same version of it."""
    told = {
        "id": identifier, "title": parsed.title, "text": parsed.text, "format": parsed.format, "origin": origin,
        "source": parsed.source, "language": parsed.language, "updated_at": parsed.updated_at_s,
        "popularity": parsed.popularity, "attributes": parsed.attributes,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in (None, "", {})}


def _content(document: NewDocument, at: int) -> bytes:
    if document.text and document.content:
        raise InvalidRequest(
            f"document '{document.id[:60]}' has both text and content: send text, or a file's bytes as base64 in "
            "content",
            param=f"documents[{at}].content",
        )
    try:
        return b64decode(document.content, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest("content is no base64", param=f"documents[{at}].content") from None

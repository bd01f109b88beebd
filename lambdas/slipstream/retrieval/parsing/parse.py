"""Bytes → documents, whatever the format: the one way into this folder."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import msgspec

from slipstream.errors import UnreadableDocument
from slipstream.retrieval.parsing import kinds, refusals
from slipstream.retrieval.parsing.decode import clean, decode
from slipstream.retrieval.parsing.languages import language_of
from slipstream.retrieval.parsing.parsed import USUAL_COLUMNS, USUAL_LIMITS, Columns, Limits, Parsed


def parse(
    raw: bytes,
    name: str,
    *,
    content_type: str = "",
    limits: Limits = USUAL_LIMITS,
    columns: Columns = USUAL_COLUMNS,
) -> Iterator[Parsed | UnreadableDocument]:
    """The documents in a file: one, or one a record. A record that cannot be read is handed on as its error.

    ``name`` is the file's (for its extension and for messages), ``content_type`` may carry a charset. Raises
    UnreadableDocument where the whole file cannot be read.
    """
    media, _, parameters = content_type.partition(";")
    charset = parameters.partition("charset=")[2].strip(" \"'").partition(";")[0]
    if len(raw) > limits.max_bytes:
        raise refusals.too_large(f"'{name}'", len(raw), limits.max_bytes, "bytes")
    if kinds.is_gzip(raw):
        raw, name = _unpacked(raw, name, limits), name.removesuffix(".gz")
    if not raw.strip(b" \t\r\n\0\xef\xbb\xbf"):
        raise refusals.empty(f"'{name}'")
    for document in _documents(raw, name, media.strip().lower(), charset, limits, columns):
        yield document if isinstance(document, UnreadableDocument) else _finished(document, name, limits)


def is_records(raw: bytes, name: str, content_type: str = "") -> bool:
    """Whether the file holds a document a record, so that each of them has an id of its own."""
    try:
        if kinds.is_gzip(raw):
            raw, name = zlib.decompressobj(31).decompress(raw, 65_536), name.removesuffix(".gz")
        if kinds.binary_kind(raw, name) is not None:
            return False
        text = decode(raw[:65_536], name)
    except (UnreadableDocument, zlib.error):  # what is wrong with it, parsing tells
        return False
    return kinds.text_kind(text, name, content_type.partition(";")[0].strip().lower()) in ("jsonl", "csv")


def _documents(
    raw: bytes, name: str, media: str, charset: str, limits: Limits, columns: Columns
) -> Iterator[Parsed | UnreadableDocument]:
    kind = kinds.binary_kind(raw, f"'{name}'")
    if kind == "pdf":
        from slipstream.retrieval.parsing import pdf

        yield pdf.parse(raw, name, limits)
        return
    if kind == "docx":
        from slipstream.retrieval.parsing import docx

        yield docx.parse(raw, name, limits)
        return
    yield from _texts(decode(raw, f"'{name}'", charset), name, media, limits, columns)


def _texts(text: str, name: str, media: str, limits: Limits, columns: Columns) -> Iterator[Parsed | UnreadableDocument]:
    kind = kinds.text_kind(text, name, media)
    if kind in ("jsonl", "csv"):
        from slipstream.retrieval.parsing import csv, jsonl

        parser = jsonl.parse if kind == "jsonl" else csv.parse
        for number, document in enumerate(parser(text, name, columns), 1):
            if number > limits.max_records:
                raise refusals.too_large(f"'{name}'", number, limits.max_records, "records")
            yield document
    elif kind == "html":
        from slipstream.retrieval.parsing import html

        yield html.parse(clean(text), name)
    elif kind == "markdown":
        from slipstream.retrieval.parsing import markdown

        yield markdown.parse(clean(text), name)
    else:
        from slipstream.retrieval.parsing import plain

        yield plain.parse(clean(text), name)


def _finished(document: Parsed, name: str, limits: Limits) -> Parsed:
    """Checked, and with a language."""
    what = f"'{name}'" if not document.id else f"'{document.id}' in '{name}'"
    if len(document.text) > limits.max_characters:
        raise refusals.too_large(what, len(document.text), limits.max_characters, "characters")
    if not document.text and not document.title:
        raise refusals.empty(what)
    if not document.text and not document.id:
        raise refusals.without_text(what)
    text = document.text or document.title
    return msgspec.structs.replace(document, text=text, language=document.language or language_of(text))


def _unpacked(raw: bytes, name: str, limits: Limits) -> bytes:
    """A gzip file's content, never more than the limit in memory."""
    unpacker, out, left = zlib.decompressobj(31), bytearray(), raw
    try:
        while left:
            out += unpacker.decompress(left, limits.max_unpacked_bytes + 1 - len(out))
            if len(out) > limits.max_unpacked_bytes:
                raise refusals.too_large(f"'{name}'", len(out), limits.max_unpacked_bytes, "bytes unpacked")
            left = unpacker.unconsumed_tail or unpacker.unused_data
            if unpacker.eof and left:
                unpacker = zlib.decompressobj(31)
    except zlib.error as error:
        raise refusals.truncated(f"the gzip file '{name}'", str(error)) from None
    if not unpacker.eof:
        raise refusals.truncated(f"the gzip file '{name}'", "its end is missing")
    return bytes(out)

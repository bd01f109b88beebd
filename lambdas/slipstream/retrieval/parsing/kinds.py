"""What a file is: its content says so; its name and content type only where the content is plain text."""

from __future__ import annotations

import re
from typing import Literal

from slipstream.retrieval.parsing import refusals

Kind = Literal["text", "markdown", "html", "pdf", "docx", "jsonl", "csv"]
_ZIP, _OLE, _GZIP = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x1f\x8b\x08"
_OTHERS = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a sound, video or WebP file"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"{\\rtf", "a Rich Text file"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"%!PS", "a PostScript file"),
)
_BY_NAME: dict[str, Kind] = {
    "md": "markdown", "markdown": "markdown", "html": "html", "htm": "html", "xhtml": "html",
    "jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl", "csv": "csv", "tsv": "csv",
}  # fmt: skip
_BY_TYPE: dict[str, Kind] = {
    "text/markdown": "markdown", "text/html": "html", "application/xhtml+xml": "html", "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl", "application/ndjson": "jsonl", "text/csv": "csv",
    "text/tab-separated-values": "csv",
}  # fmt: skip
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html[\s>])", re.IGNORECASE | re.DOTALL
)
_A_TAG = re.compile(r"<(?:p|div|h[1-6]|body|table|ul|ol|br|span|a)\b[^>]*>", re.IGNORECASE)


def is_gzip(raw: bytes) -> bool:
    """Whether something else is packed in it."""
    return raw.startswith(_GZIP)


def binary_kind(raw: bytes, what: str) -> Kind | None:
    """``pdf``, ``docx``, or None for what has to be text. Raises UnreadableDocument for known formats without a parser.

    A PDF may begin after some other bytes, as readers of the format allow.
    """
    if b"%PDF-" in raw[:1024]:
        return "pdf"
    if raw.startswith(_ZIP):
        return _packed(raw, what)
    if raw.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in raw:
            raise refusals.encrypted(what)
        raise refusals.unknown(f"{what} is a file of an old Office (.doc, .xls, .ppt) and")
    for magic, name in _OTHERS:
        if raw.startswith(magic):
            raise refusals.unknown(f"{what} is {name} and")
    return None


def text_kind(text: str, name: str, content_type: str) -> Kind:
    """The kind of a file that is text."""
    start = text[:4096]
    if _HTML.match(start):
        return "html"
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    said = _BY_NAME.get(suffix) or _BY_TYPE.get(content_type)
    if said == "html" and not _A_TAG.search(text):
        return "text"
    if said == "jsonl" or (said is None and _is_jsonl(text)):
        return "jsonl"
    return said or "text"


def _packed(raw: bytes, what: str) -> Kind:
    """What a ZIP archive is: its file names stand in it in the clear."""
    if b"word/document" in raw:
        return "docx"
    for name, told in ((b"xl/workbook", "an Excel file"), (b"ppt/presentation", "a PowerPoint file")):
        if name in raw:
            raise refusals.unknown(f"{what} is {told} and")
    if b"[Content_Types].xml" in raw:
        raise refusals.truncated(what, "an Office file without its document")
    raise refusals.unknown(f"{what} is a ZIP archive and")


def _is_jsonl(text: str) -> bool:
    import msgspec

    lines = [line for line in text[:65_536].split("\n", 3)[:2] if line.strip()]
    if not lines or not all(line.lstrip().startswith("{") for line in lines):
        return False
    try:
        return all(isinstance(msgspec.json.decode(line), dict) for line in lines)
    except msgspec.DecodeError:
        return False

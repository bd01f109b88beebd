"""Bytes → text: byte order marks, declared and guessed encodings, characters that no document needs."""

from __future__ import annotations

import codecs
import re
import unicodedata

from slipstream.retrieval.parsing import refusals

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,30})""", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ufeff\ufffe\uffff\ud800-\udfff\xad\u200b\u2060]")
_HARD = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
MOST_CONTROL = 0.05
"""A larger share of control characters than this makes it no text."""
SAMPLE = 65_536


def decode(raw: bytes, what: str, charset: str = "") -> str:
    """Text of ``raw``, whose content type named ``charset`` (or nothing). Raises UnreadableDocument for binary data.

    It is not clean yet: records have to be told apart first, by the line ends that they have.
    """
    text = _decoded(raw, charset)
    sample = text[:SAMPLE]
    if len(_HARD.findall(sample)) > MOST_CONTROL * len(sample):
        raise refusals.unknown(f"{what} is binary data, no text, and that")
    return text.replace("\0", "")


def clean(text: str) -> str:
    """One form for what looks the same: line ends, composed characters; no control characters, no NUL."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    return unicodedata.normalize("NFC", _CONTROL.sub("", text))


def _decoded(raw: bytes, charset: str) -> str:
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return raw[len(mark) if name == "utf-8" else 0 :].decode(name, "replace")
    declared = _DECLARED.search(raw[:2048])
    for name in ("utf-8", charset, declared[1].decode() if declared else "", _wide(raw)):
        if name and (text := _strict(raw, name)) is not None:
            return text
    return raw.decode("cp1252", "replace")


def _strict(raw: bytes, name: str) -> str | None:
    """``raw`` in that encoding, or None. The last character may be cut; NULs tell UTF-16 from UTF-8."""
    try:
        if codecs.lookup(name).name == "utf-8" and raw[:SAMPLE].count(0) * 4 > len(raw[:SAMPLE]):
            return None
        decoder = codecs.getincrementaldecoder(name)("strict")
        return decoder.decode(raw)
    except (LookupError, UnicodeError, ValueError, TypeError):
        return None


def _wide(raw: bytes) -> str:
    """UTF-16 without a mark: every second byte of Western text is zero."""
    sample = raw[:SAMPLE]
    if sample[1::2].count(0) * 2 > len(sample) // 2 > sample[::2].count(0) * 10:
        return "utf-16-le"
    if sample[::2].count(0) * 2 > len(sample) // 2 > sample[1::2].count(0) * 10:
        return "utf-16-be"
    return ""

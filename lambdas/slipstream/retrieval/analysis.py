"""Text to terms as an index's English analyzer makes them, for what is decided beside the engine.

Words by the rules of Unicode's UAX 29 that Lucene's StandardTokenizer follows (Han and Hiragana one by one), except
that a colon parts them (``sts:AssumeRole``); lower case, possessives and Lucene's English stop words left out, Porter's
stems (Porter, 1980). `slipstream.aws.index_analysis` says the same to the engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

STOP_WORDS = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not", "of",
    "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "will", "with",
))  # fmt: skip
"""Lucene's EnglishAnalyzer.ENGLISH_STOP_WORDS_SET."""
MAX_TOKEN_CHARS = 255
"""Longer runs are cut into pieces of this length, as StandardTokenizer does."""

_JOINED = r"(?:(?<=[^\W\d_])[.'’·](?=[^\W\d_])|(?<=\d)[.,;'’](?=\d))"
_ASCII = re.compile(rf"\w+(?:{_JOINED}\w+)*", re.ASCII)
_ALONE = "\u3040-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_ANY = re.compile(rf"[{_ALONE}]|(?:(?![{_ALONE}])\w)+(?:{_JOINED}(?:(?![{_ALONE}])\w)+)*")
_POSSESSIVE = re.compile(r"['’＇]s$")
_ENDINGS = (("bly", "ble"), ("blies", "ble"), ("logy", "log"), ("logies", "log"))
_MEASURED = re.compile("[aeiouy][^aeiouy]")


def words(text: str) -> list[str]:
    """The text's words as they stand, in order."""
    found = (_ASCII if text.isascii() else _ANY).findall(text)
    if max(map(len, found), default=0) <= MAX_TOKEN_CHARS:
        return found
    return [word[at : at + MAX_TOKEN_CHARS] for word in found for at in range(0, len(word), MAX_TOKEN_CHARS)]


def terms(text: str) -> list[str]:
    """The text's terms, in order, repetitions kept; stop words and what is left of nothing are not among them."""
    return [term for word in words(text) if (term := term_of(word))]


@lru_cache(maxsize=65536)
def term_of(word: str) -> str:
    """One word's term; empty for a stop word."""
    lowered = _POSSESSIVE.sub("", word.lower())
    if len(lowered) < 3:
        return "" if lowered in STOP_WORDS else lowered
    for ending, instead in _ENDINGS:  # two rules of Porter's own later program, which Lucene follows and others do not
        if lowered.endswith(ending) and _MEASURED.search(lowered[: -len(ending)]):
            lowered = lowered[: -len(ending)] + instead
            break
    return "" if lowered in STOP_WORDS else _stemmer()(lowered)


@lru_cache(maxsize=1)
def _stemmer() -> Callable[[str], str]:
    from Stemmer import Stemmer  # with the first word: plain chat does not pay for its 13 ms

    stem: Callable[[str], str] = Stemmer("porter").stemWord
    return stem

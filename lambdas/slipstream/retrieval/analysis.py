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
REMEMBERED_PASSAGES = 8192
"""Some 16 MB of an environment's memory where all are long."""
MAX_TOKEN_CHARS = 255
"""Longer runs are cut into pieces of this length, as StandardTokenizer does."""

# The sign comes before what is asked about its neighbours: most words end at a space, which is seen at once.
_JOINED = r"(?:[.'’·](?<=[^\W\d_].)(?=[^\W\d_])|[.,;'’](?<=\d.)(?=\d))"
_ASCII = re.compile(rf"\w+(?:{_JOINED}\w+)*", re.ASCII)
_ALONE = "\u3040-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PICTURE = (
    "\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u2388\u23cf\u23e9-\u23f3\u23f8-\u23fa\u24c2"
    "\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2605\u2607-\u2612\u2614-\u2685\u2690-\u2705\u2708-\u2712\u2714\u2716"
    "\u271d\u2721\u2728\u2733\u2734\u2744\u2747\u274c\u274e\u2753-\u2755\u2757\u2763-\u2767\u2795-\u2797\u27a1\u27b0"
    "\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299\u00a9\u00ae"
    "\U0001f000-\U0001f0ff\U0001f170\U0001f171\U0001f17e\U0001f17f\U0001f18e\U0001f191-\U0001f19a\U0001f201-\U0001f20f"
    "\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f249-\U0001f3fa\U0001f400-\U0001f64f\U0001f680-\U0001f6ff"
    "\U0001f7d5-\U0001f7ff\U0001f90c-\U0001faff"
)
"""Most of Unicode's Extended_Pictographic: a sign that is a word by itself, as ticks in tables are."""
_SIGN = rf"[{_PICTURE}](?:[\ufe0f\U0001f3fb-\U0001f3ff]|\u200d[{_PICTURE}])*"
_ANY = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+(?:{_JOINED}[^\W{_ALONE}]+)*|{_SIGN}")
_POSSESSIVE = re.compile(r"['’＇]s$")
_ENDINGS = (("bly", "ble"), ("blies", "ble"), ("logy", "log"), ("logies", "log"))
_MEASURED = re.compile("[aeiouy][^aeiouy]")


def words(text: str) -> list[str]:
    """The text's words as they stand, in order."""
    found = (_ASCII if text.isascii() else _ANY).findall(text)
    if "_" in text:
        found = [word for word in found if word.strip("_")]  # a run of underscores is no word
    if max(map(len, found), default=0) <= MAX_TOKEN_CHARS:
        return found
    return [word[at : at + MAX_TOKEN_CHARS] for word in found for at in range(0, len(word), MAX_TOKEN_CHARS)]


def terms(text: str) -> list[str]:
    """The text's terms, in order, repetitions kept; stop words and what is left of nothing are not among them."""
    return [term for word in words(text) if (term := term_of(word))]


@lru_cache(maxsize=REMEMBERED_PASSAGES)
def passage_terms(text: str) -> tuple[str, ...]:
    """``terms`` of a passage: the same few are read for their evidence, for what they share, and by many questions."""
    return tuple(terms(text))


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

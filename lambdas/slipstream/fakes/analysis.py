"""Text → terms as Lucene's analyzers ``standard`` and ``english`` make them, for the in-memory index."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

MAX_TOKEN = 255
STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "for",
        "if",
        "in",
        "into",
        "is",
        "it",
        "no",
        "not",
        "of",
        "on",
        "or",
        "such",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "will",
        "with",
    ]
)
_IDEOGRAM = "\u2e80-\u2fdf\u3005\u3007\u3040-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_UNPARTED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_LETTER = rf"[^\W\d_{_IDEOGRAM}{_KATAKANA}{_UNPARTED}]"
_JOIN = (
    rf"(?<={_LETTER})[.'\u2018\u2019\u00b7\u2024\uff07\uff0e](?={_LETTER})|(?<=\d)[.,;'\u2018\u2019\uff07\uff0e](?=\d)"
)
_WORD = rf"(?:{_LETTER}|[\d_\u0300-\u036f])+"
_TOKEN = re.compile(
    rf"[{_IDEOGRAM}]|[{_KATAKANA}]+|[{_UNPARTED}]+|{_WORD}(?:(?:{_JOIN}){_WORD})*|[\u2600-\u27bf\U0001f300-\U0001faff]"
)
_POSSESSIVE = re.compile(r"['\u2019\uff07][sS]$")
_MEASURED = re.compile("[aeiouy][^aeiouy]")


def standard(text: str) -> list[str]:
    """Words by Unicode's rules for where words end, lower-case; as phrases are matched."""
    return [token.lower() for token in _split(text)]


def english(text: str) -> list[str]:
    """Without possessive endings and stop words, stems by Porter's rules."""
    words = [_POSSESSIVE.sub("", token).lower() for token in _split(text)]
    return [stem(word) for word in words if word not in STOP_WORDS]


def analyzer(language: str) -> Callable[[str], list[str]]:
    """The analyzer of that name; other languages than English are only split and put in lower case."""
    return english if language == "english" else standard


def _split(text: str) -> list[str]:
    tokens = [token for token in _TOKEN.findall(text) if token.strip("_")]
    if any(len(token) > MAX_TOKEN for token in tokens):
        tokens = [token[at : at + MAX_TOKEN] for token in tokens for at in range(0, len(token), MAX_TOKEN)]
    return tokens


@cache
def stem(word: str) -> str:
    """Porter's stem of a lower-case word, with the two endings that Lucene treats otherwise than the paper."""
    if len(word) < 3:
        return word
    for ending, instead in (("bly", "ble"), ("blies", "ble"), ("logy", "log"), ("logies", "log")):
        if word.endswith(ending) and _MEASURED.search(word[: -len(ending)]):
            word = word[: -len(ending)] + instead
            break
    return str(_porter().stemWord(word))


@cache
def _porter() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("porter")

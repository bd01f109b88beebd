"""Phrases as they are looked up: words as they stand, one space between."""

from __future__ import annotations

import re

_WORD = re.compile(r"[\w&'’-]+")


def words(text: str) -> list[str]:
    """The words, in order, as they stand."""
    return _WORD.findall(text)


def key(phrase: str) -> str:
    """The phrase in small letters; empty where there is no word in it."""
    return " ".join(words(phrase)).lower()

"""The one tokenizer of the local server: deterministic, reversible, close enough to plan with.

A token is one of: up to eight Latin letters, up to three digits, any other single character (each with the blank before
it), or a run of up to eight white-space characters. English prose comes to about 1.3 tokens a word, code to more, CJK
to one a character, as with the real ones; no real tokenizer is reproduced. Joining the pieces gives back the text.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PIECE = re.compile(r" ?[A-Za-z\u00c0-\u024f]{1,8}| ?\d{1,3}| ?[^\sA-Za-z\u00c0-\u024f\d]|\s{1,8}")

IMAGE_TOKENS = 1_600
"""An image counts as this many, whatever its size: Claude's ceiling for one that is not scaled down."""
DOCUMENT_BYTES_PER_TOKEN = 4
MESSAGE_TOKENS = 4
"""Overhead of a turn's framing."""


def pieces(text: str) -> list[str]:
    """Split ``text`` into its tokens."""
    return _PIECE.findall(text)


@lru_cache(maxsize=512)
def count(text: str) -> int:
    """Tokens of ``text``."""
    return sum(1 for _ in _PIECE.finditer(text))

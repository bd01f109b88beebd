"""A question that leans on the turns before it (``And how much does that cost?``), made to stand alone.

Deterministic, in microseconds: what serves when no model rewrites, or when it is late.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from slipstream.retrieval.analysis import term_of, words

MOST_CARRIED = 12
_LEANS = re.compile(
    r"^(?:and|but|so|then|also|what about|how about|what if|why|why not|how so|really|are you sure|which one|"
    r"in that case|instead)\b|"
    r"\b(?:it|its|it's|they|them|their|theirs|this|that|these|those|he|him|his|she|her|hers|"
    r"the (?:same|former|latter|first|second|last|other)(?: one)?|such|one|ones|there|both|either|neither)\b",
    re.IGNORECASE,
)  # fmt: skip
_ASKING = frozenset((
    "what", "which", "who", "whom", "whose", "when", "where", "why", "how", "can", "could", "do", "does", "did",
    "should", "would", "may", "might", "has", "have", "had", "i", "we", "you", "me", "my", "our", "your", "there",
    "any", "some", "about", "from", "than", "am", "been", "being", "also", "so", "too", "please",
))  # fmt: skip


def leans(question: str, earlier: Sequence[str]) -> bool:
    """Whether ``question`` cannot be searched for without the user's ``earlier`` questions."""
    if not earlier:
        return False
    return len(content(question)) < 2 or _LEANS.search(question) is not None


def standalone(question: str, earlier: Sequence[str]) -> str:
    """The question with what the one before it was about; the one before that too where it leaned itself."""
    carried: list[str] = []
    have = {term_of(word) for word in words(question)}
    for text in reversed(earlier[-3:]):
        fresh = [word for word in content(text) if term_of(word) not in have]
        have |= {term_of(word) for word in fresh}
        carried = fresh + carried
        if not leans(text, earlier[: list(earlier).index(text)]):
            break
    return f"{' '.join(carried[:MOST_CARRIED])} {question}".strip() if carried else question


def content(text: str) -> list[str]:
    """The words that say what a question is about."""
    return [word for word in words(text) if word.lower() not in _ASKING and term_of(word)]

"""Whether two questions are one in the same words: they differ in courtesy, in how they begin, and in nothing else.

That is decided on the text, not on its words: a sign (C++, C#), a capital (US, us), an article (vitamin A) or a quoted
courtesy may be what is asked. Only what stands before or behind the question is left out.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_ASKS = r"(?=(?:what|which|who|whom|whose|when|where|why|how|if|whether)\b)"
_BEFORE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^(?:hi|hello|hey|good (?:morning|afternoon|evening))(?: there| all| everyone| team)?\s*[,.:!]+\s*",
        r"^(?:please|kindly)\s*[,:]?\s+",
        rf"^(?:please )?(?:(?:can|could|would) you (?:please )?(?:tell|explain to) me|tell me)\s*[,:]?\s+{_ASKS}",
        rf"^(?:i (?:would like|want|need) to know|i'd like to know|do you know|i wonder|i am wondering),?\s+{_ASKS}",
    )
)
_BEHIND = re.compile(
    r"(?<=[,.?!])\s*(?:please|kindly|(?:many )?thanks|thank you)(?: (?:so|very) much| a lot)?(?: in advance)?[.!?]*$",
    re.IGNORECASE,
)
_END = re.compile(r"[\s,]*[?.…]+$")
_BEGINNINGS = (
    (re.compile(r"^how (?:do|can|could|would|might) (?:i|we|you|one) ", re.IGNORECASE), "how to "),
    (re.compile(r"^(?:is it possible|is there (?:any |a )?way|would it be possible) to ", re.IGNORECASE), "can i "),
    (re.compile(r"^(?:can|could) (?:i|we|you|one) ", re.IGNORECASE), "can i "),
)


def same_words(asked: str, candidate: str) -> bool:
    """Whether one answer fits both for their words alone; False of two that ask nothing."""
    bare = bare_question(asked)
    return bool(bare) and bare == bare_question(candidate)


@lru_cache(maxsize=4096)
def bare_question(text: str) -> str:
    """The question without greeting and courtesy around it, with one way to begin for those that ask the same."""
    bare = " ".join(unicodedata.normalize("NFC", text).replace("’", "'").split())
    bare = _END.sub("", _BEHIND.sub("", bare).rstrip(" ,"))
    before = None
    while before != bare:
        before = bare
        for opening in _BEFORE:
            bare = opening.sub("", bare, count=1)
    for beginning, instead in _BEGINNINGS:
        bare = beginning.sub(instead, bare, count=1)
    first, space, rest = bare.partition(" ")
    return (first.lower() if first.istitle() else first) + space + rest

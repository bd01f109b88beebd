"""The question as text: one form of each character, one space, no control characters, no words that only frame it."""

from __future__ import annotations

import re
import unicodedata

MOST_CHARS = 2000
"""A longer question is cut for the search (the model reads all of it): engines count clauses, and rank no better."""
_SPACE = re.compile(r"\s+")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_FRAME = re.compile(
    r"^(?:(?:hi|hello|hey|please|thanks|thank you|so|ok|okay|well|also|and)\b[ ,.!]*)*"
    r"(?:(?:can|could|would|will) you (?:please )?(?:kindly )?(?:tell|explain|show|help|give|describe|let)(?: to)?"
    r"(?: me| us)?(?: know)?(?: about| with| to understand)?|"
    r"i (?:would|'d) like to (?:know|understand|ask|learn)(?: about| whether| if)?|i (?:want|need) to know(?: about)?|"
    r"i(?: am|'m) (?:trying to (?:understand|find out|figure out)|wondering|asking|curious)(?: about| whether| if)?|"
    r"do you (?:happen to )?know(?: about| whether| if)?|any (?:idea|ideas|clue)(?: about| whether| if| on)?|"
    r"(?:please )?(?:tell me|explain|describe)(?: about| to me)?|what (?:is|are) the (?:answer|meaning) (?:to|of)|"
    r"is it (?:true|the case) that|is there (?:a|any) way (?:to|of|for)|"
    r"what(?:'s| is) the (?:best |right |easiest )?way (?:to|of)|what (?:should|must|do) (?:i|we) do to|"
    r"how (?:can|do|could|should|would) (?:i|we|you|one)(?: be able to)?)\b[ ,:]*",
    re.IGNORECASE,
)  # fmt: skip
_AFTER = re.compile(
    r"[\s,;]*(?:please|thanks(?: in advance)?|thank you(?: very much)?|thx|cheers)?[\s.!?]*$", re.IGNORECASE
)


def normalized(text: str) -> str:
    """NFKC, single spaces, no control or direction marks, at most MOST_CHARS, cut between words."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    plain = "".join(c if c.isprintable() else " " for c in plain)
    plain = _SPACE.sub(" ", plain).strip()
    if len(plain) <= MOST_CHARS:
        return plain
    head = plain[:MOST_CHARS]
    return head.rpartition(" ")[0] or head


def unframed(text: str) -> str:
    """Without the words around the question (``Could you please tell me …, thanks?``); empty only if it was."""
    inner = _FRAME.sub("", _FRAME.sub("", text, count=1), count=1)  # "could you tell me" around "how do I"
    inner = _AFTER.sub("", inner)
    return inner if len(inner) > 2 else text

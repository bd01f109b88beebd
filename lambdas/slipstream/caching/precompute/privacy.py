"""Which queries may be written into a plan: none that names a person's address, number, or that hardly anyone asked."""

from __future__ import annotations

import re

import msgspec

MIN_USERS = 2
"""A question asked by fewer is its asker's own (k-anonymity; Sweeney, 2002)."""
LONG_NUMBER_DIGITS = 7
"""From here on a number may be a telephone's, an account's or a customer's."""

_AT = r"(?:@|＠|\(at\)|\[at\]|\{at\}|(?-i: AT ))"
_DOT = r"\s?(?:\.|\(dot\)|\[dot\])\s?"
_MAIL = re.compile(rf"[\w.+-]+\s?{_AT}\s?[\w-]+(?:{_DOT}[\w-]+)+", re.IGNORECASE)
_DATES = (
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}",
    r"\d{1,2}[-/.]\d{1,2}[-/.]\d{4}",
    r"(?:19|20)\d\d\s?[-–/\s]\s?(?:19|20)\d\d",
)
_DATE = re.compile(rf"(?<!\d)(?:{'|'.join(_DATES)})(?!\d)")
_NUMBER = re.compile(r"\+?\(?\d(?:[\s()./\-–]{0,2}\d)+")


class Dropped(msgspec.Struct, frozen=True):
    """Questions that the filter kept out, by the reason."""

    mail: int = 0
    long_number: int = 0
    few_users: int = 0


def personal(query: str) -> str | None:
    """``mail`` or ``long_number`` where the text holds one; dates and spans of years are none."""
    if _MAIL.search(query):
        return "mail"
    for match in _NUMBER.finditer(_DATE.sub(" ", query)):
        if sum(character.isdigit() for character in match[0]) >= LONG_NUMBER_DIGITS:
            return "long_number"
    return None

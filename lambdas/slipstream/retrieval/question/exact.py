"""What has to be found letter by letter: quoted phrases, identifiers, error codes, options of a command."""

from __future__ import annotations

import re

MOST = 8
_QUOTED = re.compile(r"\"([^\"]{2,200})\"|“([^”]{2,200})”|«([^»]{2,200})»|`([^`]{1,200})`")
_IDENTIFIER = re.compile(
    r"--?[a-z][\w-]+=?"  # an option
    r"|[A-Za-z]\w*(?:[_:./\\@-]+\w+)*(?:\(\))?"  # a name with inner punctuation, or a plain word: sorted out below
    r"|0x[0-9a-fA-F]+|\d+(?:\.\d+){2,}|\d{2,}(?:-\d{2,})+"  # a number as codes and versions have it
)
_CAMEL = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2,}[a-z]{2,}")
_SHOUTED = re.compile(r"[A-Z]+[-_]?\d{2,}|[A-Z]+(?:_[A-Z0-9]+)+")


def phrases(text: str) -> list[str]:
    """Phrases in quotation marks, in order, each once: they must stand in what is found."""
    found = ("".join(groups).strip() for groups in _QUOTED.findall(text))
    return list(dict.fromkeys(phrase for phrase in found if phrase))[:MOST]


def identifiers(text: str) -> list[str]:
    """Names that no one would stem or split, in order, each once: they count more where they stand as they are."""
    found = (match.group().rstrip(".:/-=") for match in _IDENTIFIER.finditer(text))
    return list(dict.fromkeys(name for name in found if _is_code(name)))[:MOST]


def _is_code(name: str) -> bool:
    if len(name) < 3:
        return False
    if name.startswith(("-", "0x")) or name[0].isdigit():
        return True
    if "_" in name.strip("_") or "::" in name or "@" in name or name.endswith("()"):
        return True
    if re.search(r"\w[./\\:]\w", name):
        return True
    return bool(_CAMEL.search(name) or _SHOUTED.fullmatch(name))

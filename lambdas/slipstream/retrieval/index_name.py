"""What an index may be called: one rule, wherever a name comes in."""

from __future__ import annotations

import re

from slipstream.errors import InvalidRequest

MOST_CHARACTERS = 100
RULE = f"up to {MOST_CHARACTERS} of a-z, 0-9, - and _, a letter or digit first"
_NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{MOST_CHARACTERS - 1}}}")
_LIKE_A_GENERATION = re.compile(r".*-[0-9]{6}(-writing)?")


def fits(name: str) -> bool:
    """Whether an index can be called so."""
    return _NAME.fullmatch(name) is not None


def check(name: str, param: str = "index") -> None:
    """Raises InvalidRequest for a name that an engine would refuse or take for several indexes."""
    if not fits(name):
        raise InvalidRequest(f"{name[:MOST_CHARACTERS]!r} cannot name an index: use {RULE}", param=param)


def check_new(name: str, param: str = "index") -> None:
    """Raises InvalidRequest also for a name that could be a generation's, or what it is written to by."""
    check(name, param)
    if _LIKE_A_GENERATION.fullmatch(name):
        raise InvalidRequest(f"'{name}' ends like a generation's name: choose another end", param=param)

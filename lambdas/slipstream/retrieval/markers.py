"""The forms in which models cite passages by number.

``[1]``, ``[1, 3]``, ``[1 and 2]``, ``[1-3]``, ``[Passage 1]``, ``[^1]``, ``[ 1 ]``, ``[01]``, ``【1】``,
``【1†source】``.

``[0]`` cites a passage that is none, unless it stands right behind a word, as an index of an array does; together with
other numbers a 0 makes an interval.
"""

from __future__ import annotations

import re

LONGEST = 96
"""Characters of a marker, spaces before it left out; what is longer is text."""
MOST_OF_A_RANGE = 20
_ONE = r"(?:\^|(?:passage|source)s?[ \t]+)?[0-9]{1,3}(?:[ \t]*[-–—][ \t]*[0-9]{1,3})?"
_MARKER = re.compile(
    rf"[ \t]*(?P<bracket>[\[【][ \t]*(?P<cited>{_ONE}(?:[ \t]*(?:[,;&]|,?[ \t]*and)[ \t]*{_ONE})*)[ \t]*"
    r"(?:†[^\[\]【】\n]{0,20})?[\]】])",
    re.IGNORECASE | re.ASCII,
)
_BEGUN = re.compile(
    r"[ \t]*[\[【][0-9 \t,;&^–—acdegnoprsu-]*(?:†[^\[\]【】\n]{0,20})?$", re.IGNORECASE | re.ASCII
)  # fmt: skip
_RANGE = re.compile(r"([0-9]+)(?:[ \t]*[-–—][ \t]*([0-9]+))?")


def at(text: str, start: int, *, after: str) -> tuple[int, list[int]] | None:
    """Where the marker ends that begins, with spaces before it, at ``start``, and what it cites; None: there is none.

    ``after``: the character before, empty at a sentence's beginning.
    """
    found = _MARKER.match(text, start)
    if found is None or len(found["bracket"]) > LONGEST:
        return None
    numbers: list[int] = []
    for first, last in _RANGE.findall(found["cited"]):
        low, high = int(first), int(last or first)
        if not low <= high < low + MOST_OF_A_RANGE:
            return None
        numbers += range(low, high + 1)
    if 0 in numbers and (len(numbers) > 1 or (found.start("bracket") == start and after.isalnum())):
        return None
    return found.end(), numbers


def may_come(text: str) -> bool:
    """Whether ``text`` may be the beginning of a marker, which what follows decides."""
    return len(text.lstrip(" \t")) < LONGEST and _BEGUN.match(text) is not None

"""Plain text: its first line is its title where it reads like one."""

from __future__ import annotations

from slipstream.retrieval.parsing.parsed import Parsed

LONGEST_TITLE = 120


def parse(text: str, name: str) -> Parsed:
    """The text as it is. ``name`` is the file's, for a text that does not begin with a title."""
    lines = text.strip().split("\n", 2)
    first = lines[0].strip().lstrip("#").strip()
    alone = len(lines) > 1 and not lines[1].strip()
    if alone and 0 < len(first) <= LONGEST_TITLE and first[-1] not in ".,;:!?":
        return Parsed(title=first, text=text.strip(), format="plain")
    return Parsed(title=title_of(name), text=text.strip(), format="plain")


def title_of(name: str) -> str:
    """``guides/getting_started.md`` → ``getting started``: better than none in front of every passage."""
    stem = name.rstrip("/").rpartition("/")[2]
    stem = stem.rpartition(".")[0] or stem
    return " ".join(stem.replace("_", " ").replace("-", " ").split())

"""Writes the Markdown that the chunker reads: blank lines between blocks, pipe tables, fences, nested lists."""

from __future__ import annotations

import re

_LOOKS_LIKE_STRUCTURE = re.compile(r"\A(?=#{1,6}\s|```|~~~|\|)")


class Writer:
    """Blocks in reading order. Inline text collects until ``end`` closes its paragraph."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._inline: list[str] = []
        self._items: list[str] = []

    def inline(self, text: str | None) -> None:
        """More of the running paragraph."""
        if text:
            self._inline.append(text.replace("\n", " "))

    def line_break(self) -> None:
        """A new line inside the paragraph."""
        self._inline.append("\n")

    def end(self) -> None:
        """Close the running paragraph."""
        if self._inline:
            text = "".join(self._inline)
            self._inline = []
            self.paragraph("\n".join(" ".join(line.split()) for line in text.split("\n")))

    def paragraph(self, text: str) -> None:
        """A paragraph; what would be read as a heading, a fence or a table is escaped."""
        if text.strip():
            self._add(_LOOKS_LIKE_STRUCTURE.sub(r"\\", text.strip(), count=1))

    def heading(self, level: int, text: str) -> None:
        """A heading of level 1 to 6."""
        if text:
            self._add(f"{'#' * level} {text}")

    def code(self, text: str, language: str = "") -> None:
        """Lines that keep their form."""
        if text.strip():
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
            self._add(f"{fence}{language}\n{text.strip(chr(10)).rstrip()}\n{fence}")

    def item(self, text: str, mark: str = "- ") -> None:
        """A list's item, of one or more blocks."""
        if text.strip():
            self.end()
            self._items.append(mark + text.replace("\n\n", "\n").replace("\n", "\n" + " " * len(mark)))

    def end_list(self) -> None:
        """Close the list."""
        if self._items:
            items, self._items = self._items, []
            self._add("\n".join(items))

    def table(self, rows: list[list[str]]) -> None:
        """Cells as text; the first row is the header."""
        width = max((len(row) for row in rows), default=0)
        if not width:
            return
        lines = [
            "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in row + [""] * (width - len(row)))
            + " |"
            for row in rows
        ]  # fmt: skip
        self._add("\n".join([lines[0], "|" + " --- |" * width, *lines[1:]]))

    def text(self) -> str:
        """All of it."""
        self.end()
        self.end_list()
        return "\n\n".join(self._blocks)

    def _add(self, block: str) -> None:
        self.end_list()
        self._blocks.append(block)

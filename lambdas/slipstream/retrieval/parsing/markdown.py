"""Markdown, made uniform: front matter read, underlined headings written with #, links and tags down to their text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from slipstream.retrieval.parsing import fields
from slipstream.retrieval.parsing.parsed import Parsed
from slipstream.retrieval.parsing.plain import title_of

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_NO_PARAGRAPH = re.compile(r"\s*(?:[-*+>|]|\d+[.)]|#{1,6}(?:\s|$))|\s*$| {4}|\t")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_DEFINITION = re.compile(r" {0,3}\[[^\]]+\]:\s+\S+.*$")
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_IMAGE = re.compile(r"!\[([^\]]*)\](?:\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+[\"'][^\"']*[\"'])?\)|\[[^\]]*\])")
_LINK = re.compile(r"\[([^\[\]]+)\](?:\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+[\"'][^\"']*[\"'])?\)|\[[^\]]*\])")
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9-]*(?:\s[^<>]*)?/?>")
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")


def parse(text: str, name: str) -> Parsed:
    """The text with its structure kept. The title is the front matter's, else the first heading's, else the name's."""
    matter, body = _front_matter(text)
    lines = list(_lines(body))
    heading = next((found[2] for line in lines if (found := _HEADING.match(line)) and found[2]), "")
    parsed = fields.parsed(matter, text="\n".join(lines).strip())
    return fields.titled(parsed, parsed.title or heading or title_of(name))


def _front_matter(text: str) -> tuple[dict[str, object], str]:
    """The plain ``name: value`` lines between two ``---`` at the top, and the rest."""
    if not text.startswith("---\n"):
        return {}, text
    head, ended, body = text[4:].partition("\n---")
    if not ended or body[:1] not in ("\n", ""):
        return {}, text
    matter: dict[str, object] = {}
    for line in head.split("\n"):
        key, colon, value = line.partition(":")
        if colon and key.strip() and key == key.lstrip() and (plain := value.strip().strip("\"'")):
            matter[key.strip()] = plain
    return matter, body


def _lines(text: str) -> Iterator[str]:
    fence, held = "", None
    for line in _without_comments(text):
        mark = _FENCE.match(line)
        if fence or mark or _NO_PARAGRAPH.match(line):
            if held is not None and not fence and _UNDERLINE.match(line) and held.strip():
                yield ("# " if "=" in line else "## ") + held.strip()
                held = None
                continue
            if held is not None:
                yield held
                held = None
            yield line if fence or mark or line.startswith(("    ", "\t")) else _block(line)
            if mark and not fence:
                fence = mark[1]
            elif mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif held is not None and _UNDERLINE.match(line):
            yield ("# " if "=" in line else "## ") + held.strip()
            held = None
        else:
            if held is not None:
                yield held
            held = None if _DEFINITION.match(line) else inline(line)
    if held is not None:
        yield held


def _without_comments(text: str) -> Iterator[str]:
    """Lines without HTML comments; those inside fences stay."""
    fence = ""
    plain: list[str] = []
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and not fence:
            yield from _COMMENT.sub("", "\n".join(plain)).split("\n") if plain else ()
            fence, plain = mark[1], []
            yield line
        elif fence:
            yield line
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        else:
            plain.append(line)
    if plain:
        yield from _COMMENT.sub("", "\n".join(plain)).split("\n")


def _block(line: str) -> str:
    heading = _HEADING.match(line)
    return f"{heading[1]} {inline(heading[2] or '')}".rstrip() if heading else inline(line)


def inline(line: str) -> str:
    """A line's text without link targets, tags and emphasis; what stands between backticks is left alone."""
    if not any(mark in line for mark in "[<*_&"):
        return line
    out, at = [], 0
    for code in _CODE.finditer(line):
        out += [_plain(line[at : code.start()]), code[0]]
        at = code.end()
    return "".join([*out, _plain(line[at:])])


def _plain(text: str) -> str:
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    return html.unescape(_STRONG.sub(r"\2", _TAG.sub("", text)))

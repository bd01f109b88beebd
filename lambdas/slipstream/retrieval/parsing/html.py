"""HTML → Markdown: the main part of a page, with headings, lists, code and tables; no scripts, no navigation."""

from __future__ import annotations

import re
from typing import Any

from slipstream.retrieval.parsing import fields
from slipstream.retrieval.parsing.markdown_writer import Writer
from slipstream.retrieval.parsing.parsed import Parsed
from slipstream.retrieval.parsing.plain import title_of

SKIPPED = frozenset((
    "script", "style", "noscript", "template", "nav", "footer", "form", "svg", "math", "iframe", "object", "button",
    "select", "head", "dialog",
))  # fmt: skip
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "html", "li", "main", "ol",
    "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
))  # fmt: skip
_LANGUAGE = re.compile(r"(?:language|lang|highlight-source)-([\w+#-]+)")


def parse(text: str, name: str) -> Parsed:
    """The page's main part. The title is its first main heading's, else the page's, else the file name's."""
    tree = _tree(text)
    if tree is None:
        return Parsed(title=title_of(name), text="")
    main = _main(tree)
    writer = Writer()
    _flow(main, writer)
    page_title = " ".join((tree.findtext(".//title") or "").split())
    headings = [h for h in main.iter("h1") if _words(h)]
    title = _words(headings[0]) if headings else page_title
    changed = tree.xpath("string(//meta[@property='article:modified_time']/@content)")
    return Parsed(
        title=title or title_of(name),
        text=writer.text(),
        language=str(tree.get("lang") or "")[:2].lower(),
        updated_at_s=fields.seconds(str(changed)) if changed else None,
    )


def _tree(text: str) -> Any:
    """The page's root, or None where nothing is in it. A page nested too deep for the parser comes back flat."""
    from lxml import etree, html

    parser = html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        tree = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:
        return None
    if not any("depth" in entry.message.lower() for entry in parser.error_log):
        return tree
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(text, "lxml")
    for skipped in soup(SKIPPED - {"head"}):
        skipped.decompose()
    flat = html.document_fromstring("<p></p>")
    for piece in soup.stripped_strings:
        etree.SubElement(flat.find("body"), "p").text = piece
    return flat


def _main(tree: Any) -> Any:
    """The element that says it is the main part, if it holds a fair share of the text; else the body."""
    body = tree.find(".//body")
    whole = body if body is not None else tree
    found = tree.xpath("//main | //*[@role='main'] | //article")
    if not found:
        return whole
    best = max(found, key=lambda element: len(element.text_content()))
    return best if len(best.text_content()) * 4 >= len(whole.text_content()) else whole


def _flow(element: Any, writer: Writer) -> None:
    """Write what stands in ``element``: text runs together until a block begins."""
    writer.inline(element.text)
    for child in element:
        if isinstance(child.tag, str) and child.tag not in SKIPPED and child.get("hidden") is None:
            _child(child, writer)
        writer.inline(child.tail)
    if element.tag in _BLOCKS:
        writer.end()


def _child(child: Any, writer: Writer) -> None:
    tag = child.tag
    if tag in _BLOCKS:
        writer.end()
    if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
        writer.heading(int(tag[1]), _words(child))
    elif tag == "pre":
        said = _LANGUAGE.search(" ".join(e.get("class") or "" for e in child.iter() if isinstance(e.tag, str)))
        writer.code(child.text_content(), said[1] if said else "")
    elif tag in ("ul", "ol"):
        _list(child, writer)
    elif tag == "table":
        _table(child, writer)
    elif tag == "br":
        writer.line_break()
    elif tag == "img":
        writer.inline(child.get("alt"))
    elif tag in ("code", "kbd", "samp", "tt") and (words := _words(child)):
        writer.inline(f"`{words}`" if "`" not in words else words)
    else:
        _flow(child, writer)


def _list(element: Any, writer: Writer) -> None:
    number = 0
    for item in element:
        if item.tag in ("ul", "ol"):  # not allowed there, and common
            _list(item, writer)
        elif isinstance(item.tag, str):
            number += 1
            inner = Writer()
            _flow(item, inner)
            writer.item(inner.text(), f"{number}. " if element.tag == "ol" else "- ")
    writer.end_list()


def _table(table: Any, writer: Writer) -> None:
    """A table of data as one; a table that only lays out a page as what stands in it."""
    rows = [[cell for cell in row if cell.tag in ("td", "th")] for row in table.iter("tr")]
    rows = [row for row in rows if row]
    layout = table.find(".//table") is not None or table.find(".//pre") is not None
    if layout or max((len(row) for row in rows), default=0) < 2:
        _flow(table, writer)
        return
    caption = table.find("caption")
    if caption is not None:
        writer.paragraph(_words(caption))
    writer.table([[_cell(cell) for cell in row] for row in rows])


def _cell(cell: Any) -> str:
    inner = Writer()
    _flow(cell, inner)
    return inner.text()


def _words(element: Any) -> str:
    return " ".join(element.text_content().split())

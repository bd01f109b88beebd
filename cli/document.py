"""Reads the document that a question is about, and says plainly when it is none."""

from __future__ import annotations

from pathlib import Path

import click

MAX_BYTES = 4_000_000
"""A request's body has to stay under the gateway's limit; no model's context is longer than this either."""

INSTRUCTION = (
    "Answer from the document below, in a few sentences unless more is asked for. "
    "Say so if it does not hold the answer."
)


def read_document(path: Path) -> str:
    """The file's text. Raises click.ClickException for what is missing, empty, binary or far too long."""
    try:
        if path.is_dir():
            raise click.ClickException(f"{path} is a folder: give one file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise click.ClickException(
                f"{path} has {size / 1e6:,.1f} MB; the limit is {MAX_BYTES / 1e6:.0f} MB, about a million tokens: "
                "give the part that the question is about"
            )
        raw = path.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise click.ClickException(f"{path} is not a text in UTF-8: convert it first (pdftotext, pandoc, iconv)")
    if not text.strip():
        raise click.ClickException(f"{path} is empty")
    return text


def system_prompt(text: str) -> str:
    """The instruction and the document: the same for every question about it, so that it can be kept in a cache."""
    return f"{INSTRUCTION}\n\n<document>\n{text.strip()}\n</document>"

"""Collects a prompt's blocks while a wire decodes its request."""

from __future__ import annotations

import binascii
from base64 import b64decode

import msgspec

from local.bedrock import tokens
from local.bedrock.errors import invalid
from local.bedrock.prompt import Block, Section

_TEXT_FORMATS = ("txt", "md", "csv", "html", "")


class Blocks:
    """Blocks in reading order; a cache point marks the block before it."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._turn = 0
        self._framing = 0

    def turn(self) -> None:
        """The next message begins."""
        self._turn += 1
        self._framing = tokens.MESSAGE_TOKENS

    def text(self, section: Section, text: str) -> None:
        """Text that the model may quote."""
        self._add(section, text, text.encode("utf-8", "surrogatepass"), tokens.count(text))

    def data(self, section: Section, encoded: bytes) -> None:
        """Anything that counts but is not quoted: tools, calls, other media."""
        self._add(section, "", encoded, tokens.count(encoded.decode("utf-8", "replace")))

    def image(self, section: Section, encoded: bytes) -> None:
        """An image, whatever its size."""
        self._add(section, "", encoded, tokens.IMAGE_TOKENS)

    def file(self, section: Section, encoded: str, form: str) -> None:
        """A document in base64; text is read, other formats count by their bytes."""
        try:
            raw = b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise invalid("The document's bytes are not base64.") from None
        if form in _TEXT_FORMATS:
            self.text(section, raw.decode("utf-8", "replace"))
        else:
            self._add(section, "", raw, len(raw) // tokens.DOCUMENT_BYTES_PER_TOKEN)

    def mark(self, ttl: str) -> None:
        """A cache point behind the last block."""
        if not self._blocks:
            raise invalid("A cache point must come after the content that it covers.")
        self._blocks[-1] = msgspec.structs.replace(self._blocks[-1], cache_ttl=ttl)

    def done(self) -> tuple[Block, ...]:
        """All blocks."""
        return tuple(self._blocks)

    def _add(self, section: Section, text: str, key: bytes, count: int) -> None:
        self._blocks.append(Block(section, text, key, count + self._framing, None, self._turn))
        self._framing = 0

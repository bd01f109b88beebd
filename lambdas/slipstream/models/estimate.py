"""How long a prompt is, without a tokenizer: characters, and what they are likely to make in tokens."""

from __future__ import annotations

import msgspec

from slipstream.chat.request import (
    ChatRequest,
    Image,
    Message,
    Reasoning,
    SystemPart,
    Text,
    Tool,
    ToolResult,
    ToolUse,
)

LIKELY_CHARS_PER_TOKEN = 3.5
"""Mean over English prose (4 to 4.7) and code or JSON (2.5 to 3.5) with current tokenizers."""
MOST_CHARS_PER_TOKEN = 6.0
"""No ordinary text packs more into a token: what is too long even at this rate is too long."""
IMAGE_TOKENS = 1600
"""Claude's count for its largest image (width x height / 750, at most 1568 pixels a side); Nova's is about the same."""
LEAST_IMAGE_TOKENS = 60
"""A thumbnail; the optimistic count."""
OTHER_TOKENS = 50
"""A block that only Bedrock's wire knows (a document may be far more: Bedrock judges)."""


class Size(msgspec.Struct, frozen=True):
    """Characters of text, images, and blocks of unknown length in a prompt or a part of it."""

    chars: int = 0
    images: int = 0
    others: int = 0

    def likely_tokens(self, chars_per_token: float = LIKELY_CHARS_PER_TOKEN) -> int:
        """Best guess in tokens."""
        return int(self.chars / chars_per_token) + self.images * IMAGE_TOKENS + self.others * OTHER_TOKENS

    def least_tokens(self) -> int:
        """What it cannot be less than, for any text that people or programs write."""
        return int(self.chars / MOST_CHARS_PER_TOKEN) + self.images * LEAST_IMAGE_TOKENS


def of_request(request: ChatRequest) -> Size:
    """Size of a whole prompt: tools, system, messages."""
    size = of_system(request.system)
    chars, images, others = size.chars + of_tools(request.tools), size.images, size.others
    for message in request.messages:
        part = of_message(message)
        chars, images, others = chars + part.chars, images + part.images, others + part.others
    return Size(chars, images, others)


def of_tools(tools: list[Tool]) -> int:
    """Characters of the tools' definitions as JSON."""
    return sum(len(tool.name) + len(tool.description or "") + _json_length(tool.schema) for tool in tools)


def of_system(system: list[SystemPart]) -> Size:
    """Size of the system blocks."""
    chars = others = 0
    for part in system:
        if type(part) is Text:
            chars += len(part.text)
        elif type(part).__name__ == "OtherPart":
            others += 1
    return Size(chars, 0, others)


def of_message(message: Message) -> Size:
    """Size of one turn; a tool's result counts with what it holds."""
    chars = images = others = 0
    for part in message.content:
        kind = type(part)
        if kind is Text or kind is Reasoning:
            chars += len(part.text)  # type: ignore[union-attr]
        elif kind is Image:
            images += 1
        elif isinstance(part, ToolUse):
            chars += len(part.name) + _json_length(part.input)
        elif isinstance(part, ToolResult):
            for piece in part.content:
                if isinstance(piece, Text):
                    chars += len(piece.text)
                elif isinstance(piece, Image):
                    images += 1
                else:
                    others += 1
        elif kind.__name__ == "OtherPart":
            others += 1
    return Size(chars, images, others)


def _json_length(value: object) -> int:
    return len(msgspec.json.encode(value)) if value else 0

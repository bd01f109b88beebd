"""What a caller asked for, free of any wire: blocks in the order in which a model reads them, parameters, tools."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Section = Literal["tools", "system", "user", "assistant", "tool_result"]


class Block(msgspec.Struct, frozen=True):
    """One piece of the prompt.

    ``text`` is what the text generator may read, ``key`` the exact content for the prompt cache,
    ``cache_ttl`` is set where a cache point stands right behind the block.
    """

    section: Section
    text: str
    key: bytes
    tokens: int
    cache_ttl: str | None = None
    turn: int = 0


class Tool(msgspec.Struct, frozen=True):
    """A tool that the model may call; ``schema`` is its input's JSON schema."""

    name: str
    description: str = ""
    schema: dict[str, Any] = {}


class Thinks(msgspec.Struct, frozen=True):
    """How hard a model shall think; whether a summary is shown, and whether the reasoning is sealed to come back."""

    effort: str
    show: bool = False
    seal: bool = False


class Asked(msgspec.Struct, frozen=True):
    """A request for text. ``tool_choice`` is auto, any, none or ``tool:NAME``."""

    model_id: str
    blocks: tuple[Block, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    parallel_tools: bool = True
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    schema: dict[str, Any] | None = None
    """The answer must be JSON that fits; ``{}`` asks for any JSON object."""
    latency: str | None = None
    tier: str | None = None
    thinking: str | None = None
    """``enabled``, ``adaptive`` or ``disabled``, where the caller says."""
    thinks: Thinks | None = None

    def input_tokens(self) -> int:
        """Tokens of the whole prompt."""
        return sum(block.tokens for block in self.blocks)

    def question(self) -> str:
        """The text of the last turn that a user wrote."""
        turns = [block.turn for block in self.blocks if block.section == "user" and block.text]
        if not turns:
            return ""
        last = turns[-1]
        return "\n".join(b.text for b in self.blocks if b.section == "user" and b.turn == last and b.text)

    def context(self) -> str:
        """Everything else that a model could answer from: system text, earlier turns, tool results."""
        return "\n".join(b.text for b in self.blocks if b.section in ("system", "user", "tool_result") and b.text)


class TextOut(msgspec.Struct, frozen=True):
    """A text block, as the tokens that are streamed."""

    pieces: list[str]


class ThoughtOut(TextOut, frozen=True):
    """Reasoning before the answer; billed as output, also where nothing of it is shown."""

    show: bool = False
    seal: bool = False


class ToolOut(msgspec.Struct, frozen=True):
    """A tool call; ``pieces`` joined are its arguments as JSON text."""

    id: str
    name: str
    pieces: list[str]


class Answer(msgspec.Struct, frozen=True):
    """What the model says. ``stop_reason`` in Bedrock's words."""

    blocks: list[TextOut | ToolOut]
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None

    def output_tokens(self) -> int:
        """Tokens that are billed: one for each piece."""
        return sum(len(block.pieces) for block in self.blocks)

    def thought_tokens(self) -> int:
        """Those of them that are reasoning."""
        return sum(len(block.pieces) for block in self.blocks if isinstance(block, ThoughtOut))


class Usage(msgspec.Struct, frozen=True):
    """Tokens as Bedrock bills them. Total input = input + cache_read + cache_write."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    writes_by_ttl: tuple[tuple[str, int], ...] = ()
    reasoning: int = 0
    """How much of ``output`` was reasoning."""

    def total_input(self) -> int:
        """All tokens of the prompt."""
        return self.input + self.cache_read + self.cache_write


class Outcome(msgspec.Struct, frozen=True):
    """What is known after the last token; times in ms."""

    model_id: str
    stop_reason: str
    stop_sequence: str | None
    usage: Usage
    latency_ms: int
    first_token_ms: int
    latency: str | None = None
    tier: str | None = None

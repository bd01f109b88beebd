"""Answers in Converse's JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from local.bedrock.prompt import Answer, ToolOut


def arguments(block: ToolOut) -> Any:
    """A call's arguments as JSON; empty where max_tokens cut them short."""
    try:
        return msgspec.json.decode("".join(block.pieces))
    except msgspec.DecodeError:
        return {}


def content_blocks(answer: Answer) -> list[dict[str, Any]]:
    """Converse's content of an assistant message (Nova's native wire has the same)."""
    return [
        {"toolUse": {"toolUseId": block.id, "name": block.name, "input": arguments(block)}}
        if isinstance(block, ToolOut)
        else {"text": "".join(block.pieces)}
        for block in answer.blocks
    ]

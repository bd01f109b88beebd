"""What the model says: a tool call, JSON for a schema, or sentences of the prompt; cut by max_tokens and stop."""

from __future__ import annotations

import re
from hashlib import blake2b
from itertools import cycle, islice
from typing import Any

import msgspec

from local.bedrock import extract, tokens
from local.bedrock.errors import model_refused
from local.bedrock.prompt import Answer, Asked, TextOut, ThoughtOut, Tool, ToolOut
from local.bedrock.schema_fit import Filler

THINKING_TOKENS = {"minimal": 8, "low": 16, "medium": 64, "high": 256, "xhigh": 1024}
"""Length of the reasoning for each effort: an assumption, longer for more."""
_ARGUMENT_FRAGMENT = 12
_ANY_OBJECT: dict[str, Any] = {"type": "object", "properties": {"answer": {"type": "string"}}}


def say(asked: Asked, *, limit: int, seed: int, exact_tokens: int | None) -> Answer:
    """Answer deterministically. ``limit`` is the most tokens, ``exact_tokens`` a fixed length for plain text."""
    thought = _thought(asked, limit)
    if thought is None:
        return _said(asked, limit, seed, exact_tokens)
    left = limit - len(thought.pieces)
    if left <= 0:
        return Answer([thought], "max_tokens")
    answer = _said(asked, left, seed, exact_tokens)
    return Answer([thought, *answer.blocks], answer.stop_reason, answer.stop_sequence)


def filtered(answer: Answer, after: int) -> Answer:
    """The answer as a content filter leaves it: nothing from token ``after`` on."""
    blocks: list[TextOut | ToolOut] = []
    for block in answer.blocks:
        blocks.append(msgspec.structs.replace(block, pieces=block.pieces[:after]))
        after -= len(block.pieces)
        if after <= 0:
            break
    return Answer(blocks, "content_filtered")


def _thought(asked: Asked, limit: int) -> ThoughtOut | None:
    thinks = asked.thinks
    if thinks is None or thinks.effort == "none":
        return None
    about = " ".join(_about(asked).split()[:12])
    pieces = tokens.pieces(f"The question is: {about} Which sentence of the prompt answers it? I compare them. ")
    length = min(limit, THINKING_TOKENS.get(thinks.effort, THINKING_TOKENS["medium"]))
    return ThoughtOut(list(islice(cycle(pieces), length)), thinks.show, thinks.seal)


def _said(asked: Asked, limit: int, seed: int, exact_tokens: int | None) -> Answer:
    called = tools_called(asked)
    if called:
        return _call(asked, called, limit, seed)
    if asked.schema is not None:
        text = _filled(asked.schema or _ANY_OBJECT, _about(asked), seed)
    else:
        text = extract.answer(asked.context(), asked.question(), seed)
    pieces = tokens.pieces(text)
    if exact_tokens is not None and asked.schema is None:
        pieces = list(islice(cycle(pieces), exact_tokens))
    return cut(pieces, asked.stop, limit)


def cut(pieces: list[str], stop: tuple[str, ...], limit: int) -> Answer:
    """Apply stop sequences (not part of the answer) and the token limit, whichever comes first."""
    reason, matched = "end_turn", None
    text = "".join(pieces)
    found = [(at, s) for s in stop if s and (at := text.find(s)) >= 0]
    if found:
        at, matched = min(found)
        kept: list[str] = []
        for piece in pieces:
            if at <= 0:
                break
            kept.append(piece[:at])
            at -= len(piece)
        pieces, reason = kept, "stop_sequence"
    if len(pieces) > limit:
        pieces, reason, matched = pieces[:limit], "max_tokens", None
    return Answer([TextOut(pieces)], reason, matched)


def tools_called(asked: Asked) -> list[Tool]:
    """The tools that a model would call here."""
    if not asked.tools or asked.tool_choice == "none":
        return []
    if asked.tool_choice.startswith("tool:"):
        wanted = asked.tool_choice[5:]
        return [tool for tool in asked.tools if tool.name == wanted]
    answered = bool(asked.blocks) and asked.blocks[-1].section == "tool_result"
    named = [] if answered else _named(asked)
    if asked.tool_choice == "any" and not named:
        named = [asked.tools[0]]
    return named if asked.parallel_tools else named[:1]


def _named(asked: Asked) -> list[Tool]:
    turn = asked.question().lower()
    found = []
    for tool in asked.tools:
        spelled = re.sub(r"[_\-]+", "[ _-]?", re.escape(tool.name.lower()).replace(r"\-", "-"))
        match = re.search(rf"(?<!\w){spelled}(?!\w)", turn)
        if match:
            found.append((match.start(), tool))
    return [tool for _, tool in sorted(found, key=lambda pair: pair[0])]


def _call(asked: Asked, called: list[Tool], limit: int, seed: int) -> Answer:
    blocks: list[TextOut | ToolOut] = []
    left = limit
    for index, tool in enumerate(called):
        arguments = _filled(tool.schema, _about(asked, tool), seed)
        fragments = [arguments[i : i + _ARGUMENT_FRAGMENT] for i in range(0, len(arguments), _ARGUMENT_FRAGMENT)]
        digest = blake2b(f"{seed}{index}{tool.name}{arguments}".encode(), digest_size=11).hexdigest()
        blocks.append(ToolOut(f"tooluse_{digest}", tool.name, fragments[:left]))
        left -= len(fragments)
        if left < 0:
            return Answer(blocks, "max_tokens")
    return Answer(blocks, "tool_use")


def _filled(schema: dict[str, Any], text: str, seed: int) -> str:
    """JSON for the schema, or the refusal that a schema gets which is none."""
    try:
        return msgspec.json.encode(Filler(schema, text, seed).fill()).decode()
    except (TypeError, ValueError, AttributeError, KeyError, RecursionError):
        raise model_refused("JSON schema is invalid. It must match JSON Schema draft 2020-12.") from None


def _about(asked: Asked, tool: Tool | None = None) -> str:
    turn = asked.question() or asked.context()
    if tool is None:
        return turn
    parts = [p for p in re.split(r"(?<=[.!?;\n])\s+|\band then\b|\band\b(?=[^.]*\b(?:call|use|run)\b)", turn) if p]
    spelled = tool.name.lower().replace("_", " ")
    own = [p for p in parts if tool.name.lower() in p.lower() or spelled in p.lower()]
    return " ".join(own) if own else turn

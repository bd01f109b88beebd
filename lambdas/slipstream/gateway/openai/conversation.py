"""OpenAI's list of messages → instructions and alternating turns, as Bedrock wants them.

What differs: Bedrock keeps instructions apart from the turns, knows only user and assistant, wants the two to alternate
and a user to begin, takes a tool's answer inside the next user turn, and refuses blank text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from slipstream.chat.request import CachePoint, Image, Message, Part, Reasoning, SystemPart, Text, ToolResult, ToolUse
from slipstream.errors import InvalidRequest
from slipstream.gateway import nesting
from slipstream.gateway.openai import images, tools
from slipstream.gateway.openai.body import (
    AnyMessage,
    AssistantMessage,
    Breakpoint,
    CacheControl,
    DeveloperMessage,
    ImagePart,
    ReasoningText,
    RefusalPart,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolMessage,
    UserMessage,
)

MAX_CACHE_POINTS = 4
MAX_CALL_ID = 64
CALL_ID_SIGNS = str.maketrans("", "", "_.:-")
EMPTY_RESULT = "(empty)"
"""Stands for a tool's blank answer, which Bedrock refuses."""

_arguments = msgspec.json.Decoder(dict)


class Conversation:
    """Takes messages in their order; ``system``, ``turns`` and ``notes`` are the outcome."""

    __slots__ = ("_cache_points", "_pending", "notes", "system", "turns")

    def __init__(self, messages: Sequence[AnyMessage]) -> None:
        """Translate ``messages``. Raises InvalidRequest, with the path of what Bedrock could not take."""
        self.system: list[SystemPart] = []
        self.turns: list[Message] = []
        self.notes: list[str] = []
        self._pending: dict[str, str] = {}
        self._cache_points = 0
        for index, message in enumerate(messages):
            self._add(message, f"messages[{index}]")
        self._settle_calls()
        self._begin_with_user()
        if self._cache_points > MAX_CACHE_POINTS:
            self._keep_latest_cache_points()

    def _add(self, message: AnyMessage, path: str) -> None:
        if isinstance(message, UserMessage):
            self._settle_calls()
            parts = self._parts(message.content, path)
            if not parts:
                raise InvalidRequest(f"'{path}.content' is blank; Bedrock refuses blank text.", param=f"{path}.content")
            self._turn("user", parts)
        elif isinstance(message, AssistantMessage):
            self._settle_calls()
            self._turn("assistant", self._assistant(message, path))
        elif isinstance(message, ToolMessage):
            self._turn("user", self._result(message, path))
            return
        else:
            self._instruct(message, path)
        if message.name is not None:
            self._note("a message's name has no effect: Bedrock does not tell participants apart")

    def _turn(self, role: str, parts: list[Part]) -> None:
        if not parts:
            return
        if self.turns and self.turns[-1].role == role:
            self.turns[-1].content.extend(parts)
        else:
            self.turns.append(Message("user" if role == "user" else "assistant", parts))

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _instruct(self, message: SystemMessage | DeveloperMessage, path: str) -> None:
        if self.turns:
            self._note("instructions from inside the conversation were moved to its front: Bedrock keeps them apart")
        for part in self._parts(message.content, path):
            if isinstance(part, (Text, CachePoint)):
                self.system.append(part)

    def _parts(self, content: str | Sequence[TextPart | ImagePart | RefusalPart], path: str) -> list[Part]:
        if isinstance(content, str):
            return [Text(content)] if content and not content.isspace() else []
        parts: list[Part] = []
        for index, part in enumerate(content):
            if isinstance(part, ImagePart):
                parts.append(images.decode(part.image_url.url, f"{path}.content[{index}].image_url.url"))
                if part.image_url.detail not in (None, "auto"):
                    self._note("an image's detail has no effect: Bedrock sends images as they are")
                self._mark(parts, part.prompt_cache_breakpoint or part.cache_control, f"{path}.content[{index}]")
            elif isinstance(part, RefusalPart):
                parts += [Text(part.refusal)] if part.refusal.strip() else []
            elif part.text and not part.text.isspace():
                parts.append(Text(part.text))
                self._mark(parts, part.prompt_cache_breakpoint or part.cache_control, f"{path}.content[{index}]")
        return parts

    def _mark(self, parts: list[Part], marker: Breakpoint | CacheControl | None, path: str) -> None:
        if marker is None:
            return
        if marker.ttl == "12h":
            raise InvalidRequest(
                "Bedrock keeps a cached prefix for an hour at most.", param=f"{path}.prompt_cache_breakpoint.ttl"
            )
        self._cache_points += 1
        parts.append(CachePoint("1h" if marker.ttl == "30m" else marker.ttl))

    def _assistant(self, message: AssistantMessage, path: str) -> list[Part]:
        parts: list[Part] = []
        if message.reasoning_content and not message.reasoning_details:
            self._note("earlier reasoning_content left out: a model takes reasoning back as reasoning_details only")
        for detail in message.reasoning_details or ():
            if not isinstance(detail, ReasoningText):
                parts.append(Reasoning(redacted=detail.data))
            elif detail.text or detail.signature:
                parts.append(Reasoning(text=detail.text, signature=detail.signature))
        parts += self._parts(message.content or message.refusal or "", path)
        for index, call in enumerate(message.tool_calls or ()):
            parts.append(self._call(call, f"{path}.tool_calls[{index}]"))
        return parts

    def _call(self, call: ToolCall, path: str) -> ToolUse:
        plain = call.id.translate(CALL_ID_SIGNS)
        if not (0 < len(call.id) <= MAX_CALL_ID and plain.isascii() and (not plain or plain.isalnum())):
            raise InvalidRequest(
                f"Invalid '{path}.id': an id has 1 to {MAX_CALL_ID} letters, digits and characters of _.:-",
                param=f"{path}.id",
            )
        if call.id in self._pending:
            raise InvalidRequest(f"'{path}.id' is not unique among this message's calls.", param=f"{path}.id")
        tools.check_name(call.function.name, f"{path}.function.name")
        self._pending[call.id] = path
        return ToolUse(call.id, call.function.name, _decoded(call.function.arguments, f"{path}.function.arguments"))

    def _result(self, message: ToolMessage, path: str) -> list[Part]:
        if self._pending.pop(message.tool_call_id, None) is None:
            raise InvalidRequest(
                f"'{path}.tool_call_id' answers no call of the assistant's message before it.",
                param=f"{path}.tool_call_id",
            )
        parts = self._parts(message.content, path)
        content = [part for part in parts if isinstance(part, (Text, Image))] or [Text(EMPTY_RESULT)]
        marks = [part for part in parts if isinstance(part, CachePoint)]
        return [ToolResult(message.tool_call_id, list(content)), *marks]

    def _settle_calls(self) -> None:
        for call_id, path in self._pending.items():
            raise InvalidRequest(
                f"The call '{call_id}' has no answer: after a message with 'tool_calls' must follow a message of role "
                "'tool' for each of them.",
                param=path,
            )

    def _begin_with_user(self) -> None:
        if not self.turns:
            texts: list[Part] = list(self.system)
            if not texts:
                raise InvalidRequest("'messages' holds no text.", param="messages")
            self.turns.append(Message("user", texts))
            self.system = []
            self._note("the instructions were sent as the user's message: Bedrock needs one")
        elif self.turns[0].role != "user":
            raise InvalidRequest(
                "Bedrock needs a conversation to begin with a message of role 'user'; put one before the assistant's "
                "first, or move that text into the system message.",
                param="messages",
            )

    def _keep_latest_cache_points(self) -> None:
        surplus = self._cache_points - MAX_CACHE_POINTS
        self._note(f"the first {surplus} cache breakpoints were dropped: Bedrock takes {MAX_CACHE_POINTS}")
        contents: list[list[Any]] = [self.system, *(turn.content for turn in self.turns)]
        for parts in contents:
            for part in [part for part in parts if isinstance(part, CachePoint)][:surplus]:
                parts.remove(part)  # equal points: the first goes, which is the one meant
                surplus -= 1


def _decoded(arguments: str, param: str) -> dict[str, object]:
    if not arguments or arguments.isspace():
        return {}
    try:
        decoded: dict[str, object] = _arguments.decode(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        why = "is nested too deeply" if isinstance(error, RecursionError) else f"is not a JSON object ({error})"
        raise InvalidRequest(f"'{param}' {why}.", param=param, code="invalid_value") from None
    if nesting.may_be_deep(arguments.count("{") + arguments.count("[")):
        nesting.check_depth(decoded, param)
    return decoded

"""The key of an answer: a hash over everything that may change it, and over nothing else.

What is hashed is one JSON array, so that no two different requests can run together into the same bytes: every part
has its place, keys are sorted, and a number has one way of being written.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from slipstream.chat.request import CachePoint, ChatRequest, Message, Text, Tool, ToolResult
from slipstream.models.cache_marks import without_points
from slipstream.models.resolved import ResolvedCall

RULES = 1
"""Raised where this project comes to make another answer of the same request: prompts, retrieval, checks."""
LONGEST_QUESTION = 1000
"""Characters: a longer turn brings its own text to be worked on, where one word that differs may count."""
EXACT_INTEGER = 2**53
"""Up to here a whole number and its floating-point form are the same JSON number."""
_encoder = msgspec.json.Encoder(order="deterministic")


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """What a ``rag:`` answer is looked up in, without the documents: their versions stand beside the answer."""

    index: str
    generation: str
    """The concrete index behind the alias."""
    made_of: Any
    """Mapping, embedding model and ranking, as JSON can hold them."""
    options: Any
    """How the caller wants it searched, defaults left out."""
    rewritten_by: str = ""
    """The model that makes a question which leans on others stand alone; empty where none is asked."""


def namespaced(tenant: str, shared: str | None) -> str:
    """Whose answers these are: the tenant's alone, or those of a namespace that an operator lets tenants share."""
    return f"tenant:{tenant}" if shared is None else f"shared:{shared}"


def key_of(call: ResolvedCall, namespace: str, sources: Sources | None = None) -> str:
    """BLAKE2b-256 in hex of everything that changes the answer to ``call``.

    That is: whose it is, the model and where it is called, parameters as they go out, tools, system, history, response
    format, what Converse alone reads, and what is searched. Not: the wire, streaming, cache points, tier, latency
    option, deadline, metadata and user, which change when and at what price an answer comes, not what it says. A schema
    that a model has to be told in words is text, in which the order of keys counts.
    """
    return _hashed(_parts(call, namespace, sources, call.request.messages))


def question_of(request: ChatRequest) -> str | None:
    """What the last user turn asks, where another wording of it may ask the same: one text and no longer than a
    question is; None otherwise.
    """
    if not request.messages:
        return None
    last = request.messages[-1]
    texts = [part.text for part in last.content if type(part) is Text]
    if last.role != "user" or len(texts) != 1 or not texts[0].strip() or len(texts[0]) > LONGEST_QUESTION:
        return None
    return texts[0]


def family_of(call: ResolvedCall, namespace: str, sources: Sources | None, space: str) -> str:
    """BLAKE2b-256 in hex of all that ``key_of`` has but the text of the last user turn, and of ``space``, what makes
    its vectors: questions of one family can be compared.
    """
    *earlier, last = call.request.messages
    blank = Message(last.role, [Text("") if type(part) is Text else part for part in last.content])
    return _hashed(["family", space, *_parts(call, namespace, sources, [*earlier, blank])])


def _parts(call: ResolvedCall, namespace: str, sources: Sources | None, messages: Sequence[Message]) -> list[Any]:
    request = call.request
    return [
        RULES,
        namespace,
        call.target_id,
        _sent(call),
        [_message(message) for message in messages],
        [part for part in request.system if type(part) is not CachePoint],
        [_tool(tool) for tool in without_points(request.tools)],
        _choice(request),
        request.parallel_tool_calls is False and bool(request.tools),
        _format(request),
        request.converse_extras,
        sources,
    ]


def _hashed(parts: list[Any]) -> str:
    return blake2b(_encoder.encode(canonical(msgspec.to_builtins(parts))), digest_size=32).hexdigest()


def canonical(value: Any) -> Any:
    """The same JSON value with one way of writing each number: 1, not 1.0."""
    if type(value) is float and value.is_integer() and abs(value) < EXACT_INTEGER:
        return int(value)
    if isinstance(value, dict):
        return {name: canonical(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(one) for one in value]
    return value


def _sent(call: ResolvedCall) -> dict[str, Any]:
    sent = dict(call.sent)
    if stop := sent.pop("stop", None):
        sent["stop"] = sorted(set(stop))
    return {"sent": sent, "reasoning": call.reasoning_fields}


def _message(message: Message) -> list[Any]:
    return [message.role, [_part(part) for part in message.content if type(part) is not CachePoint]]


def _part(part: Any) -> Any:
    if type(part) is ToolResult:
        return ["tool_result", part.id, list(part.content), part.error]
    return part


def _tool(tool: Tool) -> list[Any]:
    if tool.system:
        return ["system", tool.name]
    return ["function", tool.name, tool.description or "", tool.schema or {"type": "object", "properties": {}},
            bool(tool.strict)]  # fmt: skip


def _choice(request: ChatRequest) -> list[Any] | None:
    choice = request.tool_choice
    if not request.tools or choice is None or choice.kind == "auto":
        return None
    return [choice.kind, choice.name]


def _format(request: ChatRequest) -> list[Any] | None:
    wanted = request.response_format
    if wanted is None:
        return None
    return [wanted.kind, wanted.schema, wanted.name or "", wanted.description or "", bool(wanted.strict)]

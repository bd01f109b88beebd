"""A request without its question, wire-free: what a question is asked with again, so that its answer has callers' key.

What does not change an answer (``slipstream.caching.key``) is left out, so that callers who differ in nothing else are
one family.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from hashlib import blake2b

import msgspec

from slipstream.chat.request import CachePoint, ChatRequest, Message, Options, Text
from slipstream.models.cache_marks import without_points

MOST_CHARACTERS = 500
"""Of a question that is likely to come again: longer ones are documents."""
MOST_BYTES = 64 * 1024
_encode = msgspec.json.Encoder(order="deterministic").encode


class Asking(msgspec.Struct, frozen=True):
    """A request taken apart; ``texts`` is what was written in it besides the question."""

    question: str
    template: bytes
    family: str
    texts: tuple[str, ...]


def taken_apart(request: ChatRequest) -> Asking | None:
    """Question and template of a request; None where it is not one short question of a user and nothing else said."""
    question = _question(request.messages)
    if question is None:
        return None
    options = request.options
    bare = ChatRequest(
        model=request.model,
        messages=[],
        system=[part for part in request.system if type(part) is not CachePoint],
        tools=without_points(request.tools),
        tool_choice=request.tool_choice,
        parallel_tool_calls=request.parallel_tool_calls,
        parameters=request.parameters,
        response_format=request.response_format,
        options=Options(use_case=options.use_case, retrieval=options.retrieval),
        converse_extras=request.converse_extras,
        tenant=request.tenant,
    )
    template = _encode(bare)
    if len(template) > MOST_BYTES:
        return None
    return Asking(question, template, blake2b(template, digest_size=16).hexdigest(), tuple(_texts(bare)))


def asked_with(template: bytes, question: str) -> ChatRequest:
    """The request that asks ``question``. Raises msgspec.MsgspecError for a template of other code."""
    return msgspec.structs.replace(request_of(template), messages=[Message("user", [Text(question)])])


def request_of(template: bytes) -> ChatRequest:
    """The request without a question. Raises msgspec.MsgspecError for a template of other code."""
    return _decoder().decode(template)


@cache
def _decoder() -> msgspec.json.Decoder[ChatRequest]:
    """Made with the first template that is read: the chat function only writes them."""
    return msgspec.json.Decoder(ChatRequest)


def _question(messages: list[Message]) -> str | None:
    if len(messages) != 1 or messages[0].role != "user":
        return None
    parts = [part for part in messages[0].content if type(part) is not CachePoint]
    if len(parts) != 1 or type(parts[0]) is not Text:
        return None
    text = parts[0].text
    return text if text.strip() and len(text) <= MOST_CHARACTERS else None


def _texts(bare: ChatRequest) -> Iterator[str]:
    for part in bare.system:
        yield part.text if type(part) is Text else _encode(part).decode()
    yield from (tool.description for tool in bare.tools if tool.description)
    yield from (_encode(told).decode() for told in (bare.converse_extras, bare.options.retrieval) if told)

"""``POST /v1/chat/completions``: body → ChatRequest."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from slipstream.chat.request import ChatRequest, Options
from slipstream.errors import InvalidRequest
from slipstream.gateway import nesting, options
from slipstream.gateway.http import Principal
from slipstream.gateway.openai import parameters, rejection, tools
from slipstream.gateway.openai.body import ChatBody
from slipstream.gateway.openai.conversation import Conversation

_decoder = msgspec.json.Decoder(ChatBody)


def decode(body: bytes, headers: Mapping[str, str], principal: Principal) -> ChatRequest:
    """Decode a Chat Completions request; ``headers`` has lower-case names.

    Raises InvalidRequest for everything that is malformed, unknown or not to be had from Bedrock: ``param`` is the
    field's path in the body (``messages[0].content[1].image_url.url``), none when the body is no JSON object at all.
    Raises PermissionDenied for a key that may not invoke models.
    """
    principal.require("invoke")
    asked = rejection.decode(_decoder, body)
    if not asked.model or asked.model.isspace():
        raise InvalidRequest("'model' must not be empty.", param="model", code="invalid_value")
    if not asked.messages:
        raise InvalidRequest("'messages' must not be empty.", param="messages", code="invalid_value")
    parameters.refuse_unsupported(asked)
    stream = bool(asked.stream)
    if asked.stream_options is not None and not stream:
        raise InvalidRequest("'stream_options' is only allowed when 'stream' is true.", param="stream_options")
    deep = nesting.may_be_deep(body.count(b"{") + body.count(b"["))
    offered = tools.decode(asked.tools, deep)
    conversation = Conversation(asked.messages)
    return ChatRequest(
        model=asked.model,
        messages=conversation.turns,
        system=conversation.system,
        tools=offered,
        tool_choice=tools.choice(asked.tool_choice, offered),
        parallel_tool_calls=asked.parallel_tool_calls if offered else None,
        parameters=parameters.decode(asked),
        response_format=tools.response_format(asked, deep),
        service_tier=parameters.TIERS.get(asked.service_tier or "auto"),
        metadata=parameters.metadata(asked.metadata),
        user=asked.user or asked.safety_identifier,
        options=_options(asked, headers),
        stream=stream,
        include_usage=bool(stream and asked.stream_options and asked.stream_options.include_usage),
        tenant=principal.tenant,
        allowed_models=principal.models,
        notes=conversation.notes + parameters.notes(asked),
    )


def _options(asked: ChatBody, headers: Mapping[str, str]) -> Options:
    given = options.merged(options.from_headers(headers), asked.slipstream and options.checked(asked.slipstream))
    wants_own_points = asked.prompt_cache_options is not None and asked.prompt_cache_options.mode == "explicit"
    if wants_own_points and given.prompt_cache is None:
        return msgspec.structs.replace(given, prompt_cache="off")
    return given

"""``POST /v1/answers``: an answer over an index with its citations, whole or as server-sent events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from slipstream.chat.events import Failed, Heartbeat, Stopped, TextDelta
from slipstream.chat.request import ChatRequest, Message, Options, Parameters, Text
from slipstream.chat.retrieval_options import RetrievalOptions
from slipstream.errors import ClientGone, InvalidRequest, SlipstreamError
from slipstream.gateway.grounding import DEFAULT_MODEL
from slipstream.gateway.http import Principal
from slipstream.gateway.openai import errors, rejection, usage
from slipstream.gateway.openai.answer import Answer, close
from slipstream.gateway.openai.body import Strict
from slipstream.gateway.openai.search import checked_index, checked_question
from slipstream.gateway.openai.sse import HEARTBEAT
from slipstream.gateway.openai.tally import Tally
from slipstream.gateway.pipeline import RAG

MAX_TOKENS = 1024


class AnswersBody(Strict):
    """The request. A conversation goes to ``/v1/chat/completions`` with ``rag:INDEX`` as its model."""

    index: str
    question: str
    model: str = DEFAULT_MODEL
    stream: bool = False
    max_tokens: int = MAX_TOKENS
    retrieval: RetrievalOptions | None = None


_decoder = msgspec.json.Decoder(AnswersBody)


def decode(body: bytes, principal: Principal) -> ChatRequest:
    """Decode into the chat request that it stands for. Raises InvalidRequest with ``param``, PermissionDenied."""
    principal.require("invoke")
    asked = rejection.decode(_decoder, body)
    if asked.max_tokens < 1:
        raise InvalidRequest("'max_tokens' must be at least 1.", param="max_tokens", code="invalid_value")
    index = checked_index(asked.index)
    question = checked_question(asked.question, "question")
    return ChatRequest(
        model=f"{RAG}{index}@{asked.model}",
        messages=[Message("user", [Text(question)])],
        parameters=Parameters(max_tokens=asked.max_tokens),
        options=Options(use_case="extraction", retrieval=asked.retrieval),
        stream=asked.stream,
        tenant=principal.tenant,
        allowed_models=principal.models,
    )


def complete(answer: Answer) -> bytes:
    """Read the whole answer and encode it. Raises the answer's error, so that it gets its true HTTP status."""
    texts: list[str] = []
    tally = Tally()
    try:
        for event in answer.events:
            if isinstance(event, TextDelta):
                texts.append(event.text)
            else:
                tally.ending(event)
    finally:
        close(answer.events)
    return msgspec.json.encode({"object": "answer", "answer": "".join(texts), **_ending(answer, tally)})


def stream(answer: Answer) -> Iterator[bytes]:
    """Yield ``answer.delta`` events with text, then one ``answer.done`` with all the rest, or ``error``."""
    tally = Tally()
    try:
        for event in answer.events:
            if isinstance(event, TextDelta):
                yield _event("answer.delta", {"text": event.text})
            elif isinstance(event, Heartbeat):
                yield HEARTBEAT
            elif isinstance(event, (Stopped, Failed)) or tally.stopped:
                tally.ending(event)
        yield _event("answer.done", _ending(answer, tally))
    except ClientGone:
        raise
    except SlipstreamError as error:
        yield b"event: error\ndata: " + errors.encode_body(error) + b"\n\n"
    finally:
        close(answer.events)


def _ending(answer: Answer, tally: Tally) -> dict[str, Any]:
    report = answer.report()
    rag = report.pop("rag", {})
    kept = {name: rag.pop(name) for name in ("supported", "citations", "passages") if name in rag}
    out: dict[str, Any] = {
        "model": answer.call.request.model,
        "finish_reason": usage.finish_reason(tally.finished().reason, called_tools=False),
        **kept,
    }
    if tally.usage:
        out["usage"] = usage.encode(tally.usage)
    return {**out, "slipstream": {**report, "rag": rag}}


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(data))

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from slipstream.chat.events import (
    Heartbeat,
    OtherDelta,
    ReasoningDelta,
    Started,
    Stopped,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from slipstream.errors import SlipstreamError
from slipstream.gateway.openai import chat, embeddings
from slipstream.gateway.openai.body import ChatBody
from tests.unit.gateway.openai.played import PRINCIPAL, Played

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [*ChatBody.__struct_fields__, "role", "content", "type", "text", "image_url", "url", "tool_calls", "function", "id"]
)
WORDS = st.sampled_from(
    ["user", "assistant", "tool", "text", "image_url", "function", "json_schema", "auto", "required"]
)
NEARLY = st.recursive(
    VALUES | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=20,
)


def refused_or_decoded(decode, body):
    refused = None
    try:
        decode(body)
    except SlipstreamError as error:
        refused = error
    assert refused is None or refused.http_status == 400
    assert refused is None or refused.param is not None or refused.code in {"invalid_json", "invalid_type"}


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_lead_to_anything_but_a_400(body):
    refused_or_decoded(lambda b: chat.decode(b, {}, PRINCIPAL), body)
    refused_or_decoded(lambda b: embeddings.decode(b, PRINCIPAL), body)


@given(VALUES | NEARLY)
def test_no_json_leads_to_anything_but_a_400(value):
    body = msgspec.json.encode(value)
    refused_or_decoded(lambda b: chat.decode(b, {}, PRINCIPAL), body)
    refused_or_decoded(lambda b: embeddings.decode(b, PRINCIPAL), body)


@given(st.dictionaries(FIELDS, NEARLY, max_size=4), st.lists(NEARLY, min_size=1, max_size=3))
def test_no_fields_put_into_a_request_lead_to_anything_but_a_400(fields, messages):
    body = msgspec.json.encode({"model": "m", "messages": messages, **fields})
    refused_or_decoded(lambda b: chat.decode(b, {}, PRINCIPAL), body)


@st.composite
def answers(draw):
    """Blocks in ascending order, each with its deltas, heartbeats anywhere; then the stop, then maybe the usage."""
    events = [Started()]
    for block in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["text", "tool", "reasoning", "other"]))
        pieces = draw(st.lists(st.text(max_size=6), max_size=4))
        if kind == "text":
            events += [TextDelta(piece, block) for piece in pieces]
        elif kind == "tool":
            events.append(ToolCallStarted(block, f"call_{block}", "tool"))
            events += [ToolCallDelta(block, piece) for piece in pieces]
        elif kind == "reasoning":
            events += [ReasoningDelta(piece, block) for piece in pieces]
            events += draw(st.sampled_from([[], [ReasoningDelta(block=block, signature="s")]]))
        else:
            events.append(OtherDelta(block, "citation", {"a": 1}))
    for _ in range(draw(st.integers(0, 2))):
        events.insert(draw(st.integers(0, len(events))), Heartbeat())
    events.append(Stopped(draw(st.sampled_from(["end_turn", "tool_use", "max_tokens", "content_filtered", "new"]))))
    return events + draw(st.sampled_from([[], [Usage(3, 4, 5, 6)]]))


def added_up(items):
    """Add up a stream as a client does."""
    text = b"".join(items).decode()
    events = [event for event in text.split("\n\n") if event.startswith("data: ")]
    assert events.pop() == "data: [DONE]"
    message = {"content": "", "reasoning_content": "", "reasoning_details": [], "tool_calls": []}
    finish = usage = None
    for event in events:
        chunk = json.loads(event[6:])
        ChatCompletionChunk.model_validate(chunk, strict=True)
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            delta = choice["delta"]
            finish = choice["finish_reason"] or finish
            message["content"] += delta.get("content") or ""
            message["reasoning_content"] += delta.get("reasoning_content", "")
            message["reasoning_details"] += delta.get("reasoning_details", [])
            for call in delta.get("tool_calls", ()):
                if "id" in call:
                    assert call["index"] == len(message["tool_calls"])
                    message["tool_calls"].append({"id": call["id"], "arguments": ""})
                message["tool_calls"][call["index"]]["arguments"] += call["function"]["arguments"]
    return message, finish, usage


@given(answers(), st.booleans())
def test_a_streams_deltas_add_up_to_the_whole_answer(events, include_usage):
    whole = json.loads(chat.complete(Played(events)))
    ChatCompletion.model_validate(whole, strict=True)
    [choice] = whole["choices"]
    message = choice["message"]
    streamed, finish, usage = added_up(chat.stream(Played(events, include_usage=include_usage)))
    assert streamed == {
        "content": message["content"] or "",
        "reasoning_content": message.get("reasoning_content", ""),
        "reasoning_details": message.get("reasoning_details", []),
        "tool_calls": [
            {"id": call["id"], "arguments": call["function"]["arguments"]} for call in message.get("tool_calls", ())
        ],
    }
    assert finish == choice["finish_reason"]
    assert usage == (whole.get("usage") if include_usage else None)


@given(answers(), st.data())
def test_a_stream_cut_anywhere_before_its_stop_never_looks_complete(events, data):
    end = next(i for i, event in enumerate(events) if isinstance(event, Stopped))
    cut = events[: data.draw(st.integers(0, end))]
    sent = b"".join(chat.stream(Played(cut)))
    assert b"[DONE]" not in sent
    assert json.loads(sent.rpartition(b"data: ")[2])["error"]["code"] == "stream_interrupted"

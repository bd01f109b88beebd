import json
from contextlib import suppress

import pytest
from openai.types.chat import ChatCompletion

from slipstream.chat.events import (
    Failed,
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
from slipstream.errors import ModelFailed, StreamCut, Throttled
from slipstream.gateway.openai import chat
from tests.unit.gateway.openai.played import Played


def complete(*events):
    body = json.loads(chat.complete(Played(events)))
    ChatCompletion.model_validate(body, strict=True)
    return body


def test_text_is_put_together():
    body = complete(Started(), TextDelta("Hel"), Heartbeat(), TextDelta("lo"), Stopped("max_tokens"))
    assert body["object"] == "chat.completion"
    assert body["model"] == "fast"
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello", "refusal": None},
            "logprobs": None,
            "finish_reason": "length",
        }
    ]


def test_the_report_is_whole():
    assert complete(Started(), TextDelta("a"), Stopped("end_turn"))["slipstream"] == {"model": "m", "whole": True}


def test_prompt_tokens_include_cached_ones():
    usage = complete(Started(), Stopped("end_turn"), Usage(input_tokens=1, cache_read_tokens=10, output_tokens=4))[
        "usage"
    ]
    assert (usage["prompt_tokens"], usage["total_tokens"]) == (11, 15)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 10


def test_token_counts_that_the_model_did_not_tell_are_left_out():
    assert "usage" not in complete(Started(), Stopped("end_turn"))


def test_tool_calls_have_their_arguments_as_text_and_null_content():
    body = complete(
        Started(),
        ToolCallStarted(0, "a", "f"),
        ToolCallDelta(0, '{"x":'),
        ToolCallDelta(0, "1}"),
        ToolCallStarted(1, "b", "g"),
        Stopped("tool_use"),
    )
    message = body["choices"][0]["message"]
    assert message["content"] is None
    assert message["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert body["choices"][0]["finish_reason"] == "tool_calls"


def test_reasoning_is_readable_and_comes_in_blocks_to_hand_back():
    message = complete(
        Started(),
        ReasoningDelta("a", block=0),
        ReasoningDelta("b", block=0),
        ReasoningDelta(signature="s", block=0),
        ReasoningDelta(redacted="AAAA", block=1),
        TextDelta("x", block=2),
        Stopped("end_turn"),
    )["choices"][0]["message"]
    assert message["reasoning_content"] == "ab"
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": "ab", "signature": "s", "index": 0},
        {"type": "reasoning.encrypted", "data": "AAAA", "index": 1},
    ]


def test_what_only_bedrocks_wire_knows_is_left_out():
    body = complete(Started(), TextDelta("a"), OtherDelta(0, "citation", {"title": "t"}), Stopped("end_turn"))
    assert body["choices"][0]["message"]["content"] == "a"


def test_a_failure_is_raised_so_that_it_gets_its_status():
    with pytest.raises(Throttled):
        chat.complete(Played([Started(), TextDelta("a"), Failed(Throttled("later"))]))


def test_an_answer_that_ends_without_stopping_is_an_error():
    with pytest.raises(StreamCut):
        chat.complete(Played([Started(), TextDelta("a")]))


def test_an_answer_that_the_model_garbled_is_an_error():
    with pytest.raises(ModelFailed):
        chat.complete(Played([Started(), Stopped("malformed_model_output")]))


@pytest.mark.parametrize("events", [[TextDelta("a"), Stopped("end_turn")], [Failed(Throttled("x")), TextDelta("a")]])
def test_the_answer_is_closed_however_it_ends(events):
    answer = Played(events)
    with suppress(Throttled):
        chat.complete(answer)
    assert answer.closed

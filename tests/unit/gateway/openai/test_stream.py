import json

import pytest
from openai.types.chat import ChatCompletionChunk

from slipstream.chat.events import (
    Failed,
    Heartbeat,
    ReasoningDelta,
    Started,
    Stopped,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from slipstream.errors import ClientGone, ModelFailed, Throttled
from slipstream.gateway.openai import chat
from tests.unit.gateway.openai.played import Played

USAGE = Usage(input_tokens=5, output_tokens=7, cache_read_tokens=90, cache_write_tokens=3, reasoning_tokens=2)


def play(*events, include_usage=False):
    return list(chat.stream(Played(events, include_usage=include_usage)))


def payloads(items):
    text = b"".join(items).decode()
    return [event.removeprefix("data: ") for event in text.split("\n\n") if event.startswith("data: ")]


def chunks(items):
    return [json.loads(payload) for payload in payloads(items) if payload != "[DONE]"]


def deltas(items):
    return [chunk["choices"][0]["delta"] for chunk in chunks(items) if chunk["choices"]]


def test_the_first_item_carries_the_role_and_already_content():
    first = play(Started(), TextDelta("Hel"), TextDelta("lo"), Stopped("end_turn"))[0]
    assert deltas([first]) == [{"role": "assistant", "content": "Hel"}]


def test_the_role_comes_once():
    assert deltas(play(Started(), TextDelta("a"), TextDelta("b"), Stopped("end_turn"))) == [
        {"role": "assistant", "content": "a"},
        {"content": "b"},
        {},
    ]


def test_a_stream_ends_with_its_finish_reason_the_report_and_done_in_one_item():
    last = play(Started(), TextDelta("a"), Stopped("end_turn"), USAGE)[-1]
    assert last.endswith(b"data: [DONE]\n\n")
    [chunk] = chunks([last])
    assert chunk["choices"][0]["finish_reason"] == "stop"
    assert chunk["slipstream"] == {"model": "m", "whole": True}


def test_all_chunks_share_id_time_and_the_callers_own_model_name():
    seen = chunks(play(Started(), TextDelta("a"), TextDelta("b"), Stopped("end_turn")))
    assert {chunk["model"] for chunk in seen} == {"fast"}
    assert len({(chunk["id"], chunk["created"]) for chunk in seen}) == 1
    assert seen[0]["id"].startswith("chatcmpl-")


def test_two_answers_have_different_ids():
    one, other = (chunks(play(Started(), Stopped("end_turn")))[0]["id"] for _ in range(2))
    assert one != other


def test_token_counts_come_in_a_chunk_of_their_own_when_asked_for():
    *before, last = chunks(play(Started(), TextDelta("a"), Stopped("end_turn"), USAGE, include_usage=True))
    assert all(chunk["usage"] is None for chunk in before)
    assert last["choices"] == []
    assert last["usage"] == {
        "prompt_tokens": 98,
        "completion_tokens": 7,
        "total_tokens": 105,
        "prompt_tokens_details": {"cached_tokens": 90, "cache_write_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    assert last["slipstream"]["whole"] is True


def test_without_being_asked_no_chunk_has_empty_choices_or_token_counts():
    seen = chunks(play(Started(), TextDelta("a"), Stopped("end_turn"), USAGE))
    assert all(chunk["choices"] and "usage" not in chunk for chunk in seen)


def test_token_counts_that_the_model_did_not_tell_are_null():
    assert chunks(play(Started(), Stopped("end_turn"), include_usage=True))[-1]["usage"] is None


def test_tool_calls_are_numbered_by_themselves_whatever_their_block():
    items = play(
        Started(),
        TextDelta("look", block=0),
        ToolCallStarted(1, "call_a", "find"),
        ToolCallDelta(1, '{"q":'),
        ToolCallDelta(1, '"x"}'),
        ToolCallStarted(3, "call_b", "open"),
        ToolCallDelta(3, "{}"),
        Stopped("tool_use"),
    )
    assert [delta["tool_calls"][0] for delta in deltas(items) if "tool_calls" in delta] == [
        {"index": 0, "id": "call_a", "type": "function", "function": {"name": "find", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"q":'}},
        {"index": 0, "function": {"arguments": '"x"}'}},
        {"index": 1, "id": "call_b", "type": "function", "function": {"name": "open", "arguments": ""}},
        {"index": 1, "function": {"arguments": "{}"}},
    ]


def test_a_first_delta_that_is_a_tool_call_has_role_and_null_content():
    first = deltas(play(Started(), ToolCallStarted(0, "c", "f"), Stopped("tool_use")))[0]
    assert first["role"] == "assistant"
    assert first["content"] is None


def test_a_tool_call_without_arguments_gets_an_empty_object():
    items = play(Started(), ToolCallStarted(0, "a", "f"), ToolCallStarted(1, "b", "g"), Stopped("tool_use"))
    arguments = ["", ""]
    for delta in deltas(items):
        for call in delta.get("tool_calls", ()):
            arguments[call["index"]] += call["function"]["arguments"]
    assert arguments == ["{}", "{}"]


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("something_new", "stop"),
    ],
)
def test_reasons_for_stopping_have_openais_words(reason, word):
    assert chunks(play(Started(), TextDelta("a"), Stopped(reason)))[-1]["choices"][0]["finish_reason"] == word


def test_a_turn_with_tool_calls_says_so_even_where_the_model_does_not():
    items = play(Started(), ToolCallStarted(0, "c", "f"), Stopped("end_turn"))
    assert chunks(items)[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_reasoning_streams_as_reasoning_content_and_its_signature_with_the_whole_block():
    items = play(
        Started(),
        ReasoningDelta("Let me ", block=0),
        ReasoningDelta("think", block=0),
        ReasoningDelta(signature="sig", block=0),
        TextDelta("42", block=1),
        Stopped("end_turn"),
    )
    assert deltas(items)[:4] == [
        {"role": "assistant", "content": None, "reasoning_content": "Let me "},
        {"reasoning_content": "think"},
        {"reasoning_details": [{"type": "reasoning.text", "text": "Let me think", "signature": "sig", "index": 0}]},
        {"content": "42"},
    ]


def test_redacted_reasoning_is_handed_on():
    items = play(Started(), ReasoningDelta(redacted="AAAA", block=0), Stopped("end_turn"))
    assert deltas(items)[0]["reasoning_details"] == [{"type": "reasoning.encrypted", "data": "AAAA", "index": 0}]


def test_a_heartbeat_is_a_comment_and_delays_nothing():
    assert play(Heartbeat(), Started(), TextDelta("a"), Stopped("end_turn"))[0] == b": heartbeat\n\n"


def test_an_answer_without_content_still_has_role_and_empty_text():
    assert deltas(play(Started(), Stopped("end_turn"))) == [{"role": "assistant", "content": ""}]


def test_a_failed_stream_ends_in_an_error_and_never_looks_complete():
    items = play(Started(), TextDelta("a"), Failed(Throttled("slow down", retry_after_s=2)))
    assert json.loads(payloads(items)[-1]) == {
        "error": {
            "message": "slow down",
            "type": "rate_limit_error",
            "param": None,
            "code": "rate_limit_exceeded",
            "retryable": True,
            "retry_after_s": 2,
        }
    }
    assert b"[DONE]" not in b"".join(items)
    assert not any(chunk["choices"][0]["finish_reason"] for chunk in chunks(items)[:-1])


def test_a_failure_after_the_stop_still_ends_in_an_error():
    items = play(Started(), TextDelta("a"), Stopped("end_turn"), Failed(Throttled("x")))
    assert b"[DONE]" not in b"".join(items)
    assert b'"finish_reason":"stop"' not in b"".join(items)


def test_an_answer_that_ends_without_stopping_is_an_error():
    items = play(Started(), TextDelta("a"))
    assert json.loads(payloads(items)[-1])["error"]["code"] == "stream_interrupted"


def test_an_answer_that_the_model_garbled_is_an_error():
    items = play(Started(), ToolCallStarted(0, "c", "f"), Stopped("malformed_tool_use"))
    assert json.loads(payloads(items)[-1])["error"]["code"] == ModelFailed.code


def test_nothing_is_written_for_a_caller_who_has_gone():
    def events():
        yield TextDelta("a")
        raise ClientGone("gone")

    answer = Played([])
    answer.events = events()
    stream = chat.stream(answer)
    next(stream)
    with pytest.raises(ClientGone):
        next(stream)


def test_closing_the_stream_closes_the_answer():
    answer = Played([Started(), TextDelta("a"), TextDelta("b")])
    stream = chat.stream(answer)
    next(stream)
    assert not answer.closed
    stream.close()
    assert answer.closed


@pytest.mark.parametrize("text", ['"', "\\", "\n\r\n\n", "data: x\n\n", "\u2028", "\x00", "🙂", "é", "</script>"])
def test_any_text_stays_inside_its_event(text):
    [first, _] = play(Started(), TextDelta(text), Stopped("end_turn"))
    assert first.count(b"\n") == 2
    assert json.loads(first.removeprefix(b"data: "))["choices"][0]["delta"]["content"] == text


def test_the_tier_that_was_used_has_openais_word():
    items = play(Started(), Stopped("end_turn"), Usage(service_tier="reserved"))
    assert ChatCompletionChunk.model_validate(chunks(items)[-1]).service_tier == "scale"

"""What we send, read by botocore's own parser."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.parsers import EventStreamJSONParser
from hypothesis import given
from hypothesis import strategies as st

from slipstream import eventstream
from slipstream.chat.events import (
    Event,
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
from slipstream.errors import (
    ModelFailed,
    StreamCut,
    Throttled,
    Unauthenticated,
    UpstreamInternal,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from slipstream.gateway.bedrock import reply, stream
from tests.unit.gateway.bedrock.botocore_shapes import service
from tests.unit.gateway.scripted import ScriptedAnswer

SHAPE = service().operation_model("ConverseStream").output_shape.members["stream"]


def answer(*events: Event) -> Any:
    return ScriptedAnswer(events)


def frames(*events: Event) -> list[Any]:
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(stream.stream(answer(*events))))
    return list(buffer)


def parsed(*events: Event) -> list[dict[str, Any]]:
    """What boto3 hands out, event by event; errors as botocore's error objects."""
    parser = EventStreamJSONParser()
    return [seen for frame in frames(*events) if (seen := parser.parse(frame.to_response_dict(), SHAPE))]


def whole(*events: Event) -> Any:
    return json.loads(reply.complete(answer(*events)))


END = (Stopped("end_turn"), Usage(input_tokens=3, output_tokens=2, cache_read_tokens=10, cache_write_tokens=5))


def test_blocks_are_closed_where_the_next_begins() -> None:
    seen = parsed(
        Started(),
        ReasoningDelta("hm"),
        ReasoningDelta(signature="sig"),
        TextDelta("a", 1),
        TextDelta("b", 1),
        ToolCallStarted(2, "id", "tool"),
        ToolCallDelta(2, '{"x"'),
        *END,
    )
    assert seen[:-1] == [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "hm"}}}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "sig"}}}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"text": "a"}}},
        {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"text": "b"}}},
        {"contentBlockStop": {"contentBlockIndex": 1}},
        {"contentBlockStart": {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "id", "name": "tool"}}}},
        {"contentBlockDelta": {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"x"'}}}},
        {"contentBlockStop": {"contentBlockIndex": 2}},
        {"messageStop": {"stopReason": "end_turn"}},
    ]


def test_the_last_event_tells_usage_as_bedrock_counts_it() -> None:
    usage = {
        "inputTokens": 3,
        "outputTokens": 2,
        "totalTokens": 20,
        "cacheReadInputTokens": 10,
        "cacheWriteInputTokens": 5,
    }
    assert parsed(Started(), *END)[-1]["metadata"]["usage"] == usage
    assert whole(Started(), *END)["usage"] == usage


def test_the_report_travels_in_the_last_event_where_boto3_does_not_see_it() -> None:
    last = frames(Started(), *END)[-1]
    assert json.loads(last.payload)["slipstream"]["model"] == "m"
    assert "slipstream" not in parsed(Started(), *END)[-1]["metadata"]


def test_what_the_model_says_of_tier_latency_and_trace_is_passed_on() -> None:
    usage = Usage(upstream_latency_ms=42, service_tier="flex", latency="optimized", trace={"promptRouter": {}})
    for seen in (parsed(Started(), Stopped("end_turn"), usage)[-1]["metadata"], whole(Stopped("end_turn"), usage)):
        assert seen["metrics"] == {"latencyMs": 42}
        assert seen["serviceTier"] == {"type": "flex"}
        assert seen["performanceConfig"] == {"latency": "optimized"}
        assert seen["trace"] == {"promptRouter": {}}


def test_a_heartbeat_is_a_whole_frame_that_boto3_drops() -> None:
    assert len(frames(Started(), Heartbeat(), *END)) == len(frames(Started(), *END)) + 1
    with_pause, without = parsed(Started(), Heartbeat(), TextDelta("a"), *END), parsed(Started(), TextDelta("a"), *END)
    assert with_pause[:-1] == without[:-1]


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (Throttled("m"), "throttlingException"),
        (StreamCut("m"), "modelStreamErrorException"),
        (ModelFailed("m"), "modelStreamErrorException"),
        (UpstreamTimeout("m"), "modelStreamErrorException"),
        (UpstreamUnavailable("m"), "serviceUnavailableException"),
        (UpstreamInternal("m"), "internalServerException"),
        (Unauthenticated("m"), "internalServerException"),
    ],
)
def test_a_broken_stream_ends_in_an_exception_of_bedrocks_model(error: Any, name: str) -> None:
    seen = parsed(Started(), TextDelta("a"), Failed(error))
    assert seen[-1] == {"Error": {"Code": name, "Message": "m"}}
    assert not any("messageStop" in event or "metadata" in event for event in seen)


def test_a_stream_without_an_end_does_not_look_complete() -> None:
    assert parsed(Started(), TextDelta("a"))[-1]["Error"]["Code"] == "modelStreamErrorException"


@given(st.lists(st.text(), max_size=8))
def test_text_arrives_as_it_was_said(pieces: list[str]) -> None:
    events = [Started(), *(TextDelta(piece) for piece in pieces), *END]
    seen = [e["contentBlockDelta"]["delta"]["text"] for e in parsed(*events) if "contentBlockDelta" in e]
    assert seen == pieces
    content = whole(*events)["output"]["message"]["content"]
    assert "".join(block["text"] for block in content) == "".join(pieces)


@given(st.dictionaries(st.from_regex(r":?[a-z-]{1,20}", fullmatch=True), st.text(max_size=30)), st.binary(max_size=99))
def test_a_frame_is_read_back_by_botocore(headers: dict[str, str], payload: bytes) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.frame(eventstream.header_block(headers), payload))
    (message,) = list(buffer)
    assert (message.headers, message.payload) == (headers, payload)


def test_a_whole_reply_has_every_kind_of_block() -> None:
    reply_body = whole(
        Started(),
        ReasoningDelta("think", 0),
        ReasoningDelta(block=0, signature="sig"),
        TextDelta("hel", 1),
        TextDelta("lo", 1),
        ToolCallStarted(2, "id", "tool"),
        ToolCallDelta(2, '{"x":'),
        ToolCallDelta(2, "1}"),
        ToolCallStarted(3, "id2", "bare"),
        TextDelta("said", 4),
        OtherDelta(4, "citation", {"title": "t"}),
        OtherDelta(5, "image", {"format": "png"}, start=True),
        OtherDelta(5, "image", {"source": {"bytes": "AA=="}}),
        OtherDelta(6, "toolResult", {"toolUseId": "9"}, start=True),
        OtherDelta(6, "toolResult", [{"text": "r"}]),
        ReasoningDelta(block=7, redacted="AA=="),
        Stopped("tool_use", extra={"stop_sequence": None}),
    )
    assert reply_body["output"]["message"] == {
        "role": "assistant",
        "content": [
            {"reasoningContent": {"reasoningText": {"text": "think", "signature": "sig"}}},
            {"text": "hello"},
            {"toolUse": {"toolUseId": "id", "name": "tool", "input": {"x": 1}}},
            {"toolUse": {"toolUseId": "id2", "name": "bare", "input": {}}},
            {"citationsContent": {"content": [{"text": "said"}], "citations": [{"title": "t"}]}},
            {"image": {"format": "png", "source": {"bytes": "AA=="}}},
            {"toolResult": {"toolUseId": "9", "content": [{"text": "r"}]}},
            {"reasoningContent": {"redactedContent": "AA=="}},
        ],
    }
    assert reply_body["stopReason"] == "tool_use"
    assert reply_body["additionalModelResponseFields"] == {"stop_sequence": None}


def test_arguments_cut_short_are_handed_on_as_text() -> None:
    events = (ToolCallStarted(0, "id", "t"), ToolCallDelta(0, '{"x'), Stopped("max_tokens"))
    assert whole(*events)["output"]["message"]["content"][0]["toolUse"]["input"] == '{"x'


def test_a_whole_reply_raises_what_broke_it() -> None:
    with pytest.raises(Throttled):
        whole(Started(), TextDelta("a"), Failed(Throttled("later")))
    with pytest.raises(StreamCut):
        whole(Started(), TextDelta("a"))

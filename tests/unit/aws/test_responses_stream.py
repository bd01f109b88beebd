"""The Responses endpoint's events, one way or another split, as events of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipstream.aws.responses_stream import ResponsesReader
from slipstream.chat.events import Event, ReasoningDelta, Started, Stopped, TextDelta, ToolCallStarted
from slipstream.errors import InvalidRequest, SlipstreamError, Throttled, UpstreamInternal, UpstreamUnavailable

CREATED = {"type": "response.created", "response": {"status": "in_progress"}}


def read(*events: dict[str, Any]) -> list[Event]:
    out: list[Event] = []
    reader = ResponsesReader()
    for event in events:
        reader.feed(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode(), out)
    return out


def text(delta: str, index: int) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "output_index": index, "delta": delta}


def test_an_answer_has_not_begun_when_the_request_is_only_accepted() -> None:
    assert read(CREATED, {"type": "response.in_progress", "response": {}}) == []
    assert read(CREATED, text("a", 0)) == [Started(), TextDelta("a", 0)]


def test_an_answer_without_any_piece_begins_with_its_end() -> None:
    assert read(CREATED, {"type": "response.completed", "response": {}}) == [Started(), Stopped("end_turn")]


def test_what_the_model_does_unseen_takes_no_block() -> None:
    thought = {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs"}}
    searched = {"type": "response.output_item.added", "output_index": 1, "item": {"type": "web_search_call"}}
    called = {
        "type": "response.output_item.added",
        "output_index": 3,
        "item": {"type": "function_call", "call_id": "c", "name": "f"},
    }
    assert read(CREATED, thought, searched, text("a", 2), called) == [
        Started(),
        TextDelta("a", 0),
        ToolCallStarted(1, "c", "f"),
    ]


def test_the_parts_of_a_summary_are_paragraphs() -> None:
    def part(index: int) -> dict[str, Any]:
        return {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": index}

    def piece(delta: str) -> dict[str, Any]:
        return {"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": delta}

    events = read(part(0), piece("First."), part(1), piece("Second."))
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == "First.\n\nSecond."


@pytest.mark.parametrize(
    ("event", "error", "param"),
    [
        ({"type": "error", "code": "invalid_value", "message": "m", "param": "input[0]"}, InvalidRequest, "messages"),
        ({"type": "error", "code": "unsupported_parameter", "message": "m", "param": "top_p"}, InvalidRequest, "top_p"),
        ({"type": "error", "code": "server_is_overloaded", "message": "m"}, UpstreamUnavailable, None),
        ({"type": "error", "error": {"type": "server_error", "message": "m"}}, UpstreamInternal, None),
        ({"type": "error", "code": None, "message": None}, UpstreamInternal, None),
        ({"type": "response.failed", "response": {"error": {"code": "slow_down", "message": "m"}}}, Throttled, None),
        ({"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded"}}}, Throttled, None),
        ({"type": "response.failed", "response": {"error": None}}, UpstreamInternal, None),
    ],
)
def test_a_failure_is_told_by_its_own_kind(
    event: dict[str, Any], error: type[SlipstreamError], param: str | None
) -> None:
    with pytest.raises(error) as failed:
        read(CREATED, event)
    assert failed.value.param == param

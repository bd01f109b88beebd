"""What we write and read in Converse, held against botocore's own model of the service."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import botocore.validate
import pytest

from slipstream.aws.converse import CALL_NO_TOOLS, encode
from slipstream.aws.converse_stream import ConverseReader
from slipstream.chat.events import Event, OtherDelta, ReasoningDelta, ToolCallDelta, ToolCallStarted
from slipstream.chat.request import (
    CachePoint,
    ChatRequest,
    Image,
    Message,
    OtherPart,
    Reasoning,
    ResponseFormat,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from slipstream.models.resolved import CacheMark, ResolvedCall
from tests.contract.upstream.calls import MODEL, frame

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
HISTORY = [
    Message("user", [Text("weather?")]),
    Message("assistant", [Text(""), ToolUse("t1", "weather", {"city": "Paris"})]),
    Message("user", [ToolResult("t1", [Text("rain"), OtherPart("json", {"mm": 3})], error=True)]),
]


def body_of(request: ChatRequest, **resolved: Any) -> dict[str, Any]:
    call = ResolvedCall(**{"request": request, "target_id": MODEL, "model_id": "anthropic.claude", **resolved})
    body: dict[str, Any] = json.loads(encode(call))
    shape = (
        botocore.session.Session().get_service_model("bedrock-runtime").operation_model("ConverseStream").input_shape
    )
    report = botocore.validate.ParamValidator().validate({"modelId": MODEL, **body}, shape)
    assert not report.has_errors(), report.generate_report()
    return body


def ask(*parts: Any, **fields: Any) -> ChatRequest:
    return ChatRequest(model=MODEL, messages=[Message("user", list(parts) or [Text("hi")])], **fields)


def test_every_kind_of_part_is_written_as_the_service_model_has_it() -> None:
    request = ChatRequest(
        model=MODEL,
        system=[Text("be brief"), CachePoint("1h")],
        messages=[
            Message("user", [Text("see"), Image("png", "aGk="), CachePoint()]),
            Message("assistant", [Reasoning("hm", "sig"), Reasoning(redacted="aGk="), Text("ok")]),
            *HISTORY,
            Message("user", [OtherPart("document", {"name": "d", "format": "txt", "source": {"bytes": "aGk="}})]),
        ],
        tools=[Tool("weather", "Weather", SCHEMA, strict=True, cache_point=CachePoint())],
        tool_choice=ToolChoice("tool", "weather"),
        metadata={"team": "search"},
        converse_extras={"guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"}},
    )
    sent = {"max_tokens": 9, "temperature": 0.0, "top_p": 0.5, "stop": ["x"]}
    body = body_of(request, sent=sent, latency="optimized", service_tier="flex")
    assert body["system"] == [{"text": "be brief"}, {"cachePoint": {"type": "default", "ttl": "1h"}}]
    assert body["messages"][0]["content"][1:] == [
        {"image": {"format": "png", "source": {"bytes": "aGk="}}}, {"cachePoint": {"type": "default"}},
    ]  # fmt: skip
    assert body["messages"][1]["content"][0] == {
        "reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}
    }
    assert body["messages"][3]["content"] == [
        {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Paris"}}}
    ]
    assert body["messages"][4]["content"][0]["toolResult"]["status"] == "error"
    assert body["inferenceConfig"] == {"maxTokens": 9, "temperature": 0.0, "topP": 0.5, "stopSequences": ["x"]}
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": "weather"}}
    assert body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default"}}
    assert body["performanceConfig"] == {"latency": "optimized"}
    assert body["serviceTier"] == {"type": "flex"}
    assert body["requestMetadata"] == {"team": "search"}
    assert body["guardrailConfig"]["guardrailIdentifier"] == "g"


def test_planned_cache_points_stand_where_the_plan_says() -> None:
    request = ask(system=[Text("long")], tools=[Tool("weather", None, SCHEMA)])
    body = body_of(request, cache_points=[CacheMark("tools"), CacheMark("system", ttl="1h"), CacheMark("message", 0)])
    assert body["toolConfig"]["tools"][-1] == {"cachePoint": {"type": "default"}}
    assert body["system"][-1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert body["messages"][0]["content"][-1] == {"cachePoint": {"type": "default"}}


def test_a_planned_cache_point_never_doubles_the_callers_own() -> None:
    body = body_of(ask(Text("hi"), CachePoint("1h")), cache_points=[CacheMark("message", 0)])
    assert body["messages"][0]["content"] == [{"text": "hi"}, {"cachePoint": {"type": "default", "ttl": "1h"}}]


def test_what_is_not_sent_leaves_no_trace() -> None:
    assert body_of(ask()).keys() == {"messages"}


def test_a_json_schema_goes_out_as_text() -> None:
    wanted = ResponseFormat("json_schema", SCHEMA, "place", "A place")
    format_ = body_of(ask(response_format=wanted))["outputConfig"]["textFormat"]
    assert format_["type"] == "json_schema"
    schema = format_["structure"]["jsonSchema"]
    assert (json.loads(schema["schema"]), schema["name"], schema["description"]) == (SCHEMA, "place", "A place")


def test_effort_travels_in_the_field_that_the_model_reads() -> None:
    assert body_of(ask(), sent={"reasoning_effort": "low"})["outputConfig"] == {"effort": "low"}
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    body = body_of(ask(), reasoning_fields=thinking)
    assert body["additionalModelRequestFields"] == thinking
    assert "outputConfig" not in body


def test_top_k_joins_the_callers_own_additional_fields() -> None:
    request = ask(converse_extras={"additionalModelRequestFields": {"inferenceConfig": {"x": 1}, "y": 2}})
    body = body_of(request, sent={"top_k": 5}, top_k_field="inferenceConfig.topK")
    assert body["additionalModelRequestFields"] == {"inferenceConfig": {"x": 1, "topK": 5}, "y": 2}
    assert request.converse_extras == {"additionalModelRequestFields": {"inferenceConfig": {"x": 1}, "y": 2}}


def test_one_tool_at_a_time_is_told_to_claude() -> None:
    request = ask(tools=[Tool("weather", None, SCHEMA)], parallel_tool_calls=False)
    assert body_of(request)["additionalModelRequestFields"]["tool_choice"] == {
        "type": "auto", "disable_parallel_tool_use": True,
    }  # fmt: skip
    assert "additionalModelRequestFields" not in body_of(request, model_id="amazon.nova")


@pytest.mark.parametrize("tools", [[], [Tool("weather", None, SCHEMA)]])
def test_earlier_tool_calls_keep_their_tools_declared_when_none_may_be_called(tools: list[Tool]) -> None:
    request = ChatRequest(model=MODEL, messages=HISTORY, tools=tools, tool_choice=ToolChoice("none"))
    body = body_of(request)
    assert body["toolConfig"]["tools"][0]["toolSpec"]["name"] == "weather"
    assert body["system"] == [{"text": CALL_NO_TOOLS}]


def test_forbidden_tools_are_not_sent_where_none_was_used() -> None:
    body = body_of(ask(tools=[Tool("weather", None, SCHEMA)], tool_choice=ToolChoice("none")))
    assert body.keys() == {"messages"}


def read(*frames: bytes) -> list[Event]:
    out: list[Event] = []
    ConverseReader().feed(b"".join(frames), out)
    return out


def test_tool_calls_reasoning_and_unknown_deltas_are_read() -> None:
    assert read(
        frame("contentBlockStart", contentBlockIndex=1, start={"toolUse": {"toolUseId": "t", "name": "n"}}),
        frame("contentBlockDelta", contentBlockIndex=1, delta={"toolUse": {"input": '{"a"'}}),
        frame("contentBlockDelta", contentBlockIndex=2, delta={"reasoningContent": {"text": "hm"}}),
        frame("contentBlockDelta", contentBlockIndex=2, delta={"reasoningContent": {"signature": "s"}}),
        frame("contentBlockDelta", contentBlockIndex=2, delta={"reasoningContent": {"redactedContent": "aGk="}}),
        frame("contentBlockDelta", contentBlockIndex=3, delta={"citation": {"title": "t"}}),
        frame("contentBlockStart", contentBlockIndex=4, start={"image": {"format": "png"}}),
        frame("contentBlockStop", contentBlockIndex=4),
        frame("somethingNew", x=1),
    ) == [
        ToolCallStarted(1, "t", "n"),
        ToolCallDelta(1, '{"a"'),
        ReasoningDelta("hm", 2),
        ReasoningDelta("", 2, signature="s"),
        ReasoningDelta("", 2, redacted="aGk="),
        OtherDelta(3, "citation", {"title": "t"}),
        OtherDelta(4, "image", {"format": "png"}, start=True),
    ]

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipstream.chat.request import (
    CachePoint,
    ChatRequest,
    Image,
    OtherPart,
    Reasoning,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from slipstream.errors import InvalidRequest
from slipstream.gateway.bedrock import converse
from slipstream.gateway.http import Principal
from tests.unit.gateway.bedrock.botocore_shapes import converse_parameters, serialized

KEY = Principal(key_id="k", tenant="acme", models=("vendor.*",))
PIXEL = base64.b64encode(b"pixel").decode()


def decode(body: Any, **headers: str) -> ChatRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return converse.decode("vendor.model", raw, named, KEY, stream=False)


def content(*blocks: Any) -> list[Any]:
    return decode({"messages": [{"role": "user", "content": list(blocks)}]}).messages[0].content


def refused(body: Any, **headers: str) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        decode(body, **headers)
    return caught.value


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(converse_parameters())
def test_every_request_that_boto3_can_send_is_decoded(parameters: dict[str, Any]) -> None:
    body = serialized(parameters)["body"]
    if len(json.loads(body or b"{}").get("messages", ())) == 0:
        assert decode(body).messages == []
        return
    request = decode(body)
    assert [message.role for message in request.messages] == [m["role"] for m in parameters["messages"]]
    assert [len(message.content) for message in request.messages] == [len(m["content"]) for m in parameters["messages"]]


NAMES = st.sampled_from(["messages", "role", "content", "text", "system", "toolConfig", "tools", "x"])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def complaint(body: bytes) -> InvalidRequest | None:
    try:
        decode(body)
    except InvalidRequest as error:
        return error
    return None


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_is_decoded_or_refused_with_a_field(body: bytes) -> None:
    error = complaint(body)
    assert error is None or (error.param and error.http_status == 400)


def test_text_and_the_key_arrive() -> None:
    request = decode({"messages": [{"role": "user", "content": [{"text": "hi"}]}]})
    assert request.messages[0].content == [Text("hi")]
    assert (request.model, request.tenant, request.allowed_models) == ("vendor.model", "acme", ("vendor.*",))


def test_an_image_in_the_body_is_read_and_one_in_s3_is_handed_on() -> None:
    far = {"format": "png", "source": {"s3Location": {"uri": "s3://b/k", "bucketOwner": "123456789012"}}}
    assert content({"image": {"format": "png", "source": {"bytes": PIXEL}}}, {"image": far}) == [
        Image("png", PIXEL),
        OtherPart("image", far),
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("document", {"name": "d", "format": "pdf", "source": {"bytes": PIXEL}, "citations": {"enabled": True}}),
        ("document", {"name": "d", "source": {"content": [{"text": "t"}]}, "context": "c"}),
        ("video", {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/k"}}}),
        ("audio", {"format": "wav", "source": {"bytes": PIXEL}}),
        ("guardContent", {"text": {"text": "t", "qualifiers": ["query"]}}),
        ("citationsContent", {"content": [{"text": "t"}], "citations": [{"title": "a", "location": {"web": {}}}]}),
        ("searchResult", {"source": "s", "title": "t", "content": [{"text": "c"}], "citations": {"enabled": False}}),
        ("toolUse", {"toolUseId": "1", "name": "n", "input": {}, "type": "server_tool_use"}),
        ("toolResult", {"toolUseId": "1", "content": [{"json": {"a": 1}}], "type": "t"}),
        ("toolAddition", {"tool": {"name": "n"}}),
    ],
)
def test_a_block_that_the_core_does_not_interpret_is_handed_on_as_it_came(kind: str, value: Any) -> None:
    assert content({kind: value}) == [OtherPart(kind, value)]


def test_tool_calls_results_reasoning_and_checkpoints_are_read() -> None:
    assert content(
        {"toolUse": {"toolUseId": "1", "name": "n", "input": {"a": [1]}}},
        {"toolResult": {"toolUseId": "1", "status": "error", "content": [{"text": "no"}, {"json": {"b": None}}]}},
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": PIXEL}},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
    ) == [
        ToolUse("1", "n", {"a": [1]}),
        ToolResult("1", [Text("no"), OtherPart("json", {"b": None})], error=True),
        Reasoning("hm", "s"),
        Reasoning(redacted=PIXEL),
        CachePoint("1h"),
    ]


def test_tools_keep_their_checkpoints_and_bedrocks_own_tools() -> None:
    request = decode(
        {
            "toolConfig": {
                "tools": [
                    {"toolSpec": {"name": "a", "description": "d", "inputSchema": {"json": {"type": "object"}}}},
                    {"cachePoint": {"type": "default"}},
                    {"systemTool": {"name": "nova_grounding"}},
                ],
                "toolChoice": {"tool": {"name": "a"}},
            }
        }
    )
    assert request.tools == [
        Tool("a", "d", {"type": "object"}, cache_point=CachePoint()),
        Tool("nova_grounding", None, None, system=True),
    ]
    assert request.tool_choice == ToolChoice("tool", "a")


def test_parameters_tier_latency_and_metadata_become_ours() -> None:
    request = decode(
        {
            "inferenceConfig": {"maxTokens": 5, "temperature": 1, "topP": 0.5, "stopSequences": ["x"]},
            "serviceTier": {"type": "flex"},
            "performanceConfig": {"latency": "optimized"},
            "requestMetadata": {"team": "a"},
        },
        x_slipstream_use_case="code",
    )
    sent = request.parameters
    assert (sent.max_tokens, sent.temperature, sent.top_p, sent.stop) == (5, 1.0, 0.5, ["x"])
    assert (request.service_tier, request.options.latency, request.options.use_case) == ("flex", "optimized", "code")
    assert request.metadata == {"team": "a"}


def test_fields_of_bedrock_alone_are_handed_on_under_their_names() -> None:
    extras = {
        "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1", "streamProcessingMode": "async"},
        "additionalModelRequestFields": {"top_k": 5},
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
        "promptVariables": {"v": {"text": "t"}},
        "outputConfig": {"effort": "high"},
    }
    assert decode(extras).converse_extras == extras


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", "body"),
        (b"[]", "body"),
        (b"\xff", "body"),
        (b"[" * 100_000, "body"),
        ({"additionalModelRequestFields": {"a": json.loads("[" * 120 + "]" * 120)}}, "additionalModelRequestFields"),
        (b'{"system":[{"text":"\xff"}]}', "body"),
        ({"messages": {}}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "robot", "content": []}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"text": 1}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"txt": "a"}]}]}, "messages[0].content[0].txt"),
        ({"messages": [{"role": "user", "content": [{"text": "a", "cachePoint": {"type": "default"}}]}]},
         "messages[0].content[0]"),
        ({"inferenceConfig": {"maxTokens": 0}}, "inferenceConfig.maxTokens"),
        ({"inferenceConfig": {"temperature": 2}}, "inferenceConfig.temperature"),
        ({"inferenceConfig": {"top_p": 0.5}}, "inferenceConfig.top_p"),
        ({"toolConfig": {"tools": []}}, "toolConfig.tools"),
        ({"toolConfig": {"tools": [{"cachePoint": {"type": "default"}}]}}, "toolConfig.tools[0].cachePoint"),
        ({"toolConfig": {"tools": [{"toolSpec": {"name": "a"}}]}}, "toolConfig.tools[0].toolSpec.inputSchema"),
        ({"serviceTier": {"type": "fast"}}, "serviceTier.type"),
        ({"model": "x"}, "model"),
        ({"requestMetadata": {"a": 1}}, "requestMetadata[...]"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_its_path(body: Any, param: str) -> None:
    error = refused(body)
    assert (error.param, error.bedrock_type, error.http_status) == (param, "ValidationException", 400)


def test_a_refusal_says_what_would_be_right() -> None:
    assert "[user, assistant, system]" in refused({"messages": [{"role": "r", "content": []}]}).message
    assert "did you mean 'maxTokens'" in refused({"inferenceConfig": {"maxToken": 1}}).message
    assert "must be an integer, not a string" in refused({"inferenceConfig": {"maxTokens": "5"}}).message


def test_two_answers_to_one_question_are_refused() -> None:
    error = refused({"performanceConfig": {"latency": "standard"}}, x_slipstream_latency="optimized")
    assert error.param == "performanceConfig.latency"


def test_an_unknown_header_of_ours_is_refused_by_name() -> None:
    assert refused({}, x_slipstream_usecase="code").param == "x-slipstream-usecase"

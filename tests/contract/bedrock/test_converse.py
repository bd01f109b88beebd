"""Converse and ConverseStream as boto3 sees them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.bedrock.conftest import Service
from tests.contract.bedrock.running import Running, says, text_of

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
SONNET_5 = "us.anthropic.claude-sonnet-5"
NOVA = "amazon.nova-lite-v1:0"
FACTS = "The Eiffel Tower is 330 metres tall. Berlin lies on the Spree. Bread is baked in ovens."
WEATHER = {
    "toolSpec": {
        "name": "get_weather",
        "description": "Weather of a city",
        "inputSchema": {
            "json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
}
CLOCK = {"toolSpec": {"name": "get_time", "inputSchema": {"json": {"type": "object", "properties": {}}}}}


def test_an_answer_has_text_a_reason_and_usage_that_adds_up(service: Service) -> None:
    answer = service.runtime.converse(modelId=HAIKU, messages=[says("Say hello.")], inferenceConfig={"maxTokens": 50})
    assert answer["output"]["message"]["content"][0]["text"]
    assert answer["stopReason"] in ("end_turn", "max_tokens")
    usage = answer["usage"]
    cached = usage.get("cacheReadInputTokens", 0) + usage.get("cacheWriteInputTokens", 0)
    assert usage["totalTokens"] == usage["inputTokens"] + cached + usage["outputTokens"]
    assert answer["metrics"]["latencyMs"] >= 0


def test_a_stream_has_its_events_in_bedrocks_order(service: Service) -> None:
    stream = service.runtime.converse_stream(modelId=NOVA, messages=[says("Say hello.")])["stream"]
    kinds = [next(iter(event)) for event in stream]
    assert kinds[0] == "messageStart"
    assert set(kinds[1:-3]) <= {"contentBlockStart", "contentBlockDelta", "contentBlockStop"}
    assert kinds[-3:] == ["contentBlockStop", "messageStop", "metadata"]


def test_max_tokens_cuts_an_answer_and_says_so(service: Service) -> None:
    asked = says("Write a long paragraph about the sea.\n" + FACTS)
    answer = service.runtime.converse(modelId=NOVA, messages=[asked], inferenceConfig={"maxTokens": 3})
    assert answer["stopReason"] == "max_tokens"
    assert answer["usage"]["outputTokens"] == 3


def test_temperature_with_top_p_is_refused_by_the_45_family(service: Service) -> None:
    config = {"temperature": 0.5, "topP": 0.5}
    with pytest.raises(service.runtime.exceptions.ValidationException, match=r"`temperature` and `top_p` cannot both"):
        service.runtime.converse(modelId=HAIKU, messages=[says("Hi")], inferenceConfig=config)


def test_an_unknown_model_is_refused(service: Service) -> None:
    with pytest.raises(service.runtime.exceptions.ValidationException, match="model identifier is invalid"):
        service.runtime.converse(modelId="acme.unheard-of-v1:0", messages=[says("Hi")])


def test_a_model_that_needs_a_profile_is_refused_under_its_own_id(service: Service) -> None:
    with pytest.raises(service.runtime.exceptions.ValidationException, match="on-demand throughput isn"):
        service.runtime.converse(modelId=HAIKU.removeprefix("us."), messages=[says("Hi")])


def test_a_forced_tool_is_called_with_arguments_that_fit_its_schema(service: Service) -> None:
    config = {"tools": [WEATHER, CLOCK], "toolChoice": {"tool": {"name": "get_weather"}}}
    asked = says("What is the weather in Lisbon?")
    answer = service.runtime.converse(modelId=HAIKU, messages=[asked], toolConfig=config)
    (call,) = [block["toolUse"] for block in answer["output"]["message"]["content"] if "toolUse" in block]
    assert answer["stopReason"] == "tool_use"
    assert (call["name"], call["input"]) == ("get_weather", {"city": "Lisbon"})


def test_the_answer_is_made_of_the_sentences_that_fit_the_question(server: Running) -> None:
    messages = [says(FACTS + " How tall is the Eiffel Tower?")]
    answer = server.boto().converse(modelId=NOVA, messages=messages)
    assert answer["output"]["message"]["content"] == [{"text": "The Eiffel Tower is 330 metres tall."}]


def test_without_context_the_answer_says_that_there_is_none(server: Running) -> None:
    answer = server.boto().converse(modelId=NOVA, messages=[says("Who wrote Faust?")])
    text = answer["output"]["message"]["content"][0]["text"]
    assert "Who wrote Faust?" in text
    assert "no passage" in text


def test_streamed_and_whole_answers_have_the_same_text(server: Running) -> None:
    messages = [says(FACTS + " Where does Berlin lie?")]
    client = server.boto()
    whole = client.converse(modelId=NOVA, messages=messages)["output"]["message"]["content"][0]["text"]
    assert text_of(client.converse_stream(modelId=NOVA, messages=messages)["stream"]) == whole


def test_a_stop_sequence_ends_the_answer_and_is_not_part_of_it(server: Running) -> None:
    config = {"stopSequences": ["330"]}
    messages = [says(FACTS + " How tall is the Eiffel Tower?")]
    answer = server.boto().converse(modelId=NOVA, messages=messages, inferenceConfig=config)
    assert answer["stopReason"] == "stop_sequence"
    assert answer["output"]["message"]["content"][0]["text"].rstrip() == "The Eiffel Tower is"


def test_several_named_tools_are_called_in_parallel_and_streamed_in_fragments(server: Running) -> None:
    config = {"tools": [WEATHER, CLOCK]}
    asked = says("Call get_weather for the city Oslo and get_time, please.")
    stream = server.boto().converse_stream(modelId=HAIKU, messages=[asked], toolConfig=config)["stream"]
    names: dict[int, str] = {}
    fragments: dict[int, list[str]] = {}
    for event in stream:
        if "contentBlockStart" in event:
            names[event["contentBlockStart"]["contentBlockIndex"]] = event["contentBlockStart"]["start"]["toolUse"][
                "name"
            ]
        if "contentBlockDelta" in event:
            delta = event["contentBlockDelta"]
            fragments.setdefault(delta["contentBlockIndex"], []).append(delta["delta"]["toolUse"]["input"])
    assert names == {0: "get_weather", 1: "get_time"}
    assert len(fragments[0]) > 1
    assert json.loads("".join(fragments[0])) == {"city": "Oslo"}


def test_after_a_tool_result_the_model_answers_from_it(server: Running) -> None:
    call = {"toolUse": {"toolUseId": "t1", "name": "get_weather", "input": {"city": "Oslo"}}}
    result = {"toolResult": {"toolUseId": "t1", "content": [{"text": "The weather in Oslo is snow."}]}}
    messages = [
        says("Use get_weather: what is the weather in Oslo?"),
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    answer = server.boto().converse(modelId=HAIKU, messages=messages, toolConfig={"tools": [WEATHER]})
    assert answer["output"]["message"]["content"] == [{"text": "The weather in Oslo is snow."}]


def test_a_json_schema_shapes_the_answer(server: Running) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["Rome", "Oslo"]}, "degrees": {"type": "integer"}},
        "required": ["city", "degrees"],
    }
    structure = {"jsonSchema": {"schema": json.dumps(schema), "name": "weather"}}
    output = {"textFormat": {"type": "json_schema", "structure": structure}}
    answer = server.boto().converse(modelId=HAIKU, messages=[says("It is 12 degrees in Oslo.")], outputConfig=output)
    assert json.loads(answer["output"]["message"]["content"][0]["text"]) == {"city": "Oslo", "degrees": 12}


def test_latency_and_tier_are_echoed_as_used(server: Running) -> None:
    answer = server.boto().converse(
        modelId="amazon.nova-pro-v1:0",
        messages=[says("Hi")],
        performanceConfig={"latency": "optimized"},
        serviceTier={"type": "priority"},
    )
    assert answer["performanceConfig"] == {"latency": "optimized"}
    assert answer["serviceTier"] == {"type": "priority"}


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"inferenceConfig": {"temperature": 0.2}}, "`temperature`"),
        ({"inferenceConfig": {"topP": 0.9}}, "`top_p`"),
        ({"additionalModelRequestFields": {"top_k": 5}}, "`top_k`"),
        ({"inferenceConfig": {"maxTokens": 10_000_000}}, "exceeds the model limit"),
        ({"performanceConfig": {"latency": "optimized"}}, "Latency performance configuration"),
        ({"serviceTier": {"type": "flex"}}, "service tier flex"),
    ],
)
def test_sonnet_5_refuses_what_it_does_not_take(server: Running, parameters: dict[str, object], named: str) -> None:
    with pytest.raises(ClientError, match=named) as refused:
        server.boto().converse(modelId=SONNET_5, messages=[says("Hi")], **parameters)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_default_sampling_values_pass_where_others_are_refused(server: Running) -> None:
    answer = server.boto().converse(modelId=SONNET_5, messages=[says("Hi")], inferenceConfig={"temperature": 1.0})
    assert answer["stopReason"] == "end_turn"


def test_the_55_family_refuses_a_forced_tool(server: Running) -> None:
    config = {"tools": [WEATHER], "toolChoice": {"any": {}}}
    with pytest.raises(ClientError, match="tool_choice"):
        server.boto().converse(modelId="us.anthropic.claude-opus-5-5", messages=[says("Hi")], toolConfig=config)


def test_a_prompt_over_the_context_window_is_refused(server: Running) -> None:
    with pytest.raises(ClientError, match="Input is too long for requested model"):
        server.boto().converse(modelId="amazon.nova-micro-v1:0", messages=[says("one two three " * 50_000)])


def test_a_model_that_speaks_only_responses_is_refused_by_converse(server: Running) -> None:
    with pytest.raises(ClientError, match="doesn't support the model"):
        server.boto().converse(modelId="openai.gpt-5.4", messages=[says("Hi")])


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [("top_p", "x", "valid number"), ("temperature", True, "valid number"), ("top_k", 1.5, "valid integer")],
)
def test_an_additional_field_of_the_wrong_type_is_refused_by_name(
    server: Running, field: str, value: Any, told: str
) -> None:
    client = server.boto()
    with pytest.raises(client.exceptions.ValidationException, match=rf"{field}: .*{told}"):
        client.converse(modelId=NOVA, messages=[says("Hi")], additionalModelRequestFields={field: value})

"""InvokeModel and its stream, for Anthropic's and Nova's bodies, and CountTokens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.bedrock.conftest import Service
from tests.contract.bedrock.running import Running, says

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
NOVA = "amazon.nova-lite-v1:0"
TEXT = "Oslo lies on a fjord. Where does Oslo lie?"
MESSAGES = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": TEXT}],
}


def chunks(client: Any, model: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    stream = client.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))["body"]
    return [json.loads(event["chunk"]["bytes"]) for event in stream]


def test_an_anthropic_body_gets_an_anthropic_message(service: Service) -> None:
    answer = json.loads(service.runtime.invoke_model(modelId=HAIKU, body=json.dumps(MESSAGES))["body"].read())
    assert (answer["type"], answer["role"]) == ("message", "assistant")
    assert answer["content"][0]["type"] == "text"
    assert answer["usage"]["output_tokens"] > 0


def test_an_anthropic_stream_has_its_events_in_order_and_the_metrics_last(service: Service) -> None:
    events = chunks(service.runtime, HAIKU, MESSAGES)
    kinds = [event["type"] for event in events if event["type"] != "ping"]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert events[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] > 0


def test_a_nova_stream_has_its_events_in_order(service: Service) -> None:
    events = chunks(service.runtime, NOVA, {"schemaVersion": "messages-v1", "messages": [says(TEXT)]})
    kinds = [next(iter(event)) for event in events]
    assert kinds[0] == "messageStart"
    assert kinds[-2:] == ["messageStop", "metadata"]


def test_a_nova_body_gets_a_nova_message(server: Running) -> None:
    body = {"messages": [says(TEXT)], "inferenceConfig": {"max_new_tokens": 3}}
    answer = json.loads(server.boto().invoke_model(modelId=NOVA, body=json.dumps(body))["body"].read())
    assert answer["stopReason"] == "max_tokens"
    assert answer["output"]["message"]["content"] == [{"text": "Oslo lies on"}]


def test_an_anthropic_tool_call_streams_its_input_as_json_fragments(server: Running) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools = {"tools": [{"name": "weather", "input_schema": schema}], "tool_choice": {"type": "any"}}
    asked = {**MESSAGES, **tools, "messages": [{"role": "user", "content": "How is it in Lima?"}]}
    events = chunks(server.boto(), HAIKU, asked)
    fragments = [e["delta"]["partial_json"] for e in events if e["type"] == "content_block_delta"]
    assert len(fragments) > 1
    assert json.loads("".join(fragments)) == {"city": "Lima"}
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_cache_control_writes_and_reads(server: Running) -> None:
    system = [{"type": "text", "text": "Many facts stand here. " * 1200, "cache_control": {"type": "ephemeral"}}]
    body = json.dumps({**MESSAGES, "system": system})
    first, second = (json.loads(server.boto().invoke_model(modelId=HAIKU, body=body)["body"].read()) for _ in range(2))
    assert first["usage"]["cache_creation_input_tokens"] == second["usage"]["cache_read_input_tokens"] > 4096


@pytest.mark.parametrize("missing", ["anthropic_version", "max_tokens", "messages"])
def test_a_missing_field_is_named(server: Running, missing: str) -> None:
    body = {name: value for name, value in MESSAGES.items() if name != missing}
    with pytest.raises(ClientError, match=f"{missing}: Field required"):
        server.boto().invoke_model(modelId=HAIKU, body=json.dumps(body))


def test_counted_tokens_are_those_that_a_call_uses(server: Running) -> None:
    client = server.boto()
    converse = {"messages": [says(TEXT)], "system": [{"text": "Be brief."}]}
    counted = client.count_tokens(modelId=HAIKU.removeprefix("us."), input={"converse": converse})["inputTokens"]
    assert client.converse(modelId=HAIKU, **converse)["usage"]["inputTokens"] == counted


def test_tokens_of_an_invoke_body_are_counted(server: Running) -> None:
    body = json.dumps(MESSAGES).encode()
    counted = server.boto().count_tokens(modelId=HAIKU[3:], input={"invokeModel": {"body": body}})["inputTokens"]
    assert counted > 5


@pytest.mark.parametrize("model", [HAIKU, NOVA])
def test_profiles_and_nova_are_refused_by_count_tokens(service: Service, model: str) -> None:
    with pytest.raises(service.runtime.exceptions.ValidationException, match="doesn't support counting tokens"):
        service.runtime.count_tokens(modelId=model, input={"converse": {"messages": [says("Hi")]}})

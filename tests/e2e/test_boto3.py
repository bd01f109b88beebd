"""boto3's bedrock-runtime client, with nothing changed but its environment."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.endpoint import Endpoint
from local.places import REGION
from tests.e2e.arrivals import Arrivals

DOCUMENT = "The gate opens at nine. Tickets cost four crowns. Dogs stay outside. " * 20
CLAUDE = "anthropic.claude-haiku-4-5-20251001-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": f"{DOCUMENT}\n\nWhen does the gate open?"}]}]


@pytest.fixture
def client(aws_environment: Endpoint) -> Any:
    return boto3.client("bedrock-runtime", region_name=REGION)


def test_converse_stream_yields_events_one_after_another(
    client: Any, aws_environment: Endpoint, arrivals: Arrivals
) -> None:
    answer = client.converse_stream(modelId=aws_environment.model, messages=MESSAGES)
    events = list(arrivals.of(answer["stream"]))
    text = "".join(event.get("contentBlockDelta", {}).get("delta", {}).get("text", "") for event in events)

    assert "nine" in text
    assert list(events[0]) == ["messageStart"]
    assert list(events[-1]) == ["metadata"]
    assert arrivals.streamed


def test_converse_answers_whole_with_usage(client: Any, aws_environment: Endpoint) -> None:
    answer = client.converse(modelId=aws_environment.model, messages=MESSAGES, inferenceConfig={"maxTokens": 100})

    assert "nine" in answer["output"]["message"]["content"][0]["text"]
    assert answer["usage"]["totalTokens"] == answer["usage"]["inputTokens"] + answer["usage"]["outputTokens"]


def test_an_alias_is_a_model_id_here_too(client: Any) -> None:
    answer = client.converse(modelId="fast", messages=MESSAGES)

    assert answer["stopReason"] == "end_turn"


def test_invoke_model_is_passed_through(client: Any) -> None:
    answer = client.invoke_model(modelId="amazon.titan-embed-text-v2:0", body='{"inputText": "a queue"}')

    assert b'"embedding"' in answer["body"].read()


def test_a_models_own_body_is_passed_through_streamed_or_whole(client: Any) -> None:
    body = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 60, "messages": [
        {"role": "user", "content": f"{DOCUMENT} When does the gate open?"}]})  # fmt: skip

    whole = json.loads(client.invoke_model(modelId=f"us.{CLAUDE}", body=body)["body"].read())
    streamed = client.invoke_model_with_response_stream(modelId=f"us.{CLAUDE}", body=body)["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in streamed]

    assert "nine" in whole["content"][0]["text"]
    assert [events[0]["type"], events[-1]["type"]] == ["message_start", "message_stop"]
    text = "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta")
    assert text == whole["content"][0]["text"]


def test_tokens_are_counted_without_an_answer(client: Any) -> None:
    counted = client.count_tokens(modelId=CLAUDE, input={"converse": {"messages": MESSAGES}})
    answered = client.converse(modelId=f"us.{CLAUDE}", messages=MESSAGES, inferenceConfig={"maxTokens": 1})

    assert counted["inputTokens"] == answered["usage"]["inputTokens"] > 100


def test_an_inference_profile_arn_with_its_slash_works(client: Any) -> None:
    arn = f"arn:aws:bedrock:{REGION}:000000000000:inference-profile/us.amazon.nova-lite-v1:0"

    assert client.converse(modelId=arn, messages=MESSAGES)["stopReason"] == "end_turn"


def test_a_bad_request_is_boto3s_validation_exception(client: Any, aws_environment: Endpoint) -> None:
    with pytest.raises(client.exceptions.ValidationException):
        client.converse(modelId=aws_environment.model, messages=[{"role": "user", "content": []}])


def test_a_wrong_key_is_a_client_error_with_a_code(aws_environment: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "sk-slip-wrong")
    stranger = boto3.client("bedrock-runtime", region_name=REGION)

    with pytest.raises(ClientError) as refused:
        stranger.converse(modelId=aws_environment.model, messages=MESSAGES)

    assert refused.value.response["Error"]["Code"] in {"UnrecognizedClientException", "AccessDeniedException"}

"""A key that was revoked is refused at once, although the API's front keeps verdicts for minutes."""

from __future__ import annotations

from typing import Any

import boto3
import openai
import pytest
from botocore.exceptions import ClientError
from openai import OpenAI

from cli.gateway_client import call
from cli.target import Target
from local.endpoint import Endpoint
from local.places import REGION

QUESTION = "What is a queue?"


@pytest.fixture
def made(local_stack: Endpoint) -> dict[str, Any]:
    """A key that was just made: ``id`` and ``key``."""
    record: dict[str, Any] = call(Target(local_stack.base_url, local_stack.api_key), "POST", "/v1/keys", {"name": "r"})
    return record


def revoke(local_stack: Endpoint, key_id: str) -> None:
    call(Target(local_stack.base_url, local_stack.api_key), "DELETE", f"/v1/keys/{key_id}")


def test_on_openais_wire_it_is_the_sdks_authentication_error(local_stack: Endpoint, made: dict[str, Any]) -> None:
    client = OpenAI(base_url=local_stack.openai_base_url, api_key=made["key"], max_retries=0)
    messages = [{"role": "user", "content": QUESTION}]
    before = client.chat.completions.create(model="fast", messages=messages)  # type: ignore[arg-type]
    revoke(local_stack, made["id"])

    with pytest.raises(openai.AuthenticationError) as refused:
        client.chat.completions.create(model="fast", messages=messages)  # type: ignore[arg-type]

    assert before.choices[0].finish_reason == "stop"
    assert refused.value.status_code == 401


def test_on_bedrocks_wire_it_is_a_client_error_of_status_401(
    aws_environment: Endpoint, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", made["key"])
    client = boto3.client("bedrock-runtime", region_name=REGION)
    messages = [{"role": "user", "content": [{"text": QUESTION}]}]
    before = client.converse(modelId="fast", messages=messages)
    revoke(aws_environment, made["id"])

    with pytest.raises(ClientError) as refused:
        client.converse(modelId="fast", messages=messages)

    assert before["stopReason"] == "end_turn"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 401

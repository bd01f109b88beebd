"""LangChain's two ways to Bedrock: over OpenAI's wire and over Bedrock's own."""

from __future__ import annotations

import pytest

from local.endpoint import Endpoint
from tests.e2e.arrivals import Arrivals

DOCUMENT = "The gate opens at nine. Tickets cost four crowns. Dogs stay outside. " * 20
MESSAGES = [("system", DOCUMENT), ("human", "When does the gate open?")]


@pytest.mark.filterwarnings("default")
def test_chat_openai_streams(local_stack: Endpoint, arrivals: Arrivals) -> None:
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    key = SecretStr(local_stack.api_key)
    model = ChatOpenAI(base_url=local_stack.openai_base_url, api_key=key, model="balanced", max_retries=0)

    text = "".join(str(chunk.content) for chunk in arrivals.of(model.stream(MESSAGES)))

    assert "nine" in text
    assert arrivals.streamed


@pytest.mark.filterwarnings("default")
def test_chat_bedrock_converse_streams_through_an_alias(aws_environment: Endpoint, arrivals: Arrivals) -> None:
    from langchain_aws import ChatBedrockConverse

    model = ChatBedrockConverse(
        model="balanced", base_model="anthropic.claude-haiku-4-5-20251001-v1:0", disable_streaming=False
    )

    text = "".join(str(chunk.text) for chunk in arrivals.of(model.stream(MESSAGES)))

    assert "nine" in text
    assert arrivals.streamed

"""Requests that cannot be served, and what they are told."""

from __future__ import annotations

import socket
from typing import Any

import openai
import pytest
from botocore.exceptions import ClientError

from tests.functional.faults.conftest import CLAUDE, HI, HI_CONVERSE, NOVA, Double, Host


@pytest.mark.parametrize("body", [b" ", b"{", b'{"messages":', b"[]", b"null", b"\xff\xfe{}", b'{"messages":[1}'])
@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", f"/model/{NOVA}/converse", f"/model/{NOVA}/converse-stream", "/v1/embeddings"]
)
def test_a_malformed_body_is_refused_before_any_call(host: Host, double: Double, path: str, body: bytes) -> None:
    reply = host.post(path, body)
    assert reply.status == 400
    assert reply.message
    assert double.calls() == 0


def test_a_wrong_type_is_refused_by_its_field(host: Host, double: Double) -> None:
    assert host.chat(messages=[{"role": "user", "content": 7}]).error["param"] == "messages[0].content"
    assert "inferenceConfig.maxTokens" in host.converse(inferenceConfig={"maxTokens": "9"}).message
    assert double.calls() == 0


def test_an_unknown_model_is_told_with_its_nearest_names(sdk: openai.OpenAI, boto: Any, double: Double) -> None:
    with pytest.raises(openai.NotFoundError, match=r"amazon\.nova-pro-v1:0") as refused:
        sdk.chat.completions.create(model="amazon.nova-pr", messages=HI)
    assert refused.value.param == "model"
    with pytest.raises(boto.exceptions.ResourceNotFoundException, match="fast"):
        boto.converse(modelId="fasst", messages=HI_CONVERSE)
    assert double.calls() == 1  # what looks like an id of Bedrock's is asked for: it may be newer than the catalogue


def test_a_model_that_only_a_profile_serves_is_told_with_the_profiles_id(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"call it as 'us\.anthropic\.claude-sonnet-4-6'") as refused:
        sdk.chat.completions.create(model="anthropic.claude-sonnet-4-6", messages=HI)
    assert (refused.value.param, refused.value.code) == ("model", "inference_profile_required")


@pytest.mark.parametrize("path", ["/v1/chat/completions", f"/model/{NOVA}/converse", f"/model/{NOVA}/invoke"])
def test_a_body_over_the_limit_is_told_the_limit(host: Host, double: Double, path: str) -> None:
    reply = host.post(path, b'{"x":"' + b"a" * (6 * 1024 * 1024) + b'"}')
    assert reply.status == 413
    assert "6,291,456 bytes" in reply.message
    assert double.calls() == 0


def test_a_body_that_nobody_would_read_is_told_the_limit_before_it_is_sent(host: Host) -> None:
    with socket.create_connection(("127.0.0.1", host.port), timeout=30) as sock:
        sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"67,108,864 bytes" in answer


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_over_the_context_window_is_refused_with_its_true_status(
    sdk: openai.OpenAI, boto: Any, double: Double, stream: bool
) -> None:
    text = "seven words are in every such sentence. " * 40_000
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.chat.completions.create(
            model=CLAUDE.replace("sonnet-4-6", "haiku-4-5-20251001-v1:0"), stream=stream,
            messages=[{"role": "user", "content": text}],
        )  # fmt: skip
    assert refused.value.code == "context_length_exceeded"
    with pytest.raises(boto.exceptions.ValidationException) as told:
        getattr(boto, "converse_stream" if stream else "converse")(
            modelId="us.amazon.nova-micro-v1:0", messages=[{"role": "user", "content": [{"text": text}]}]
        )
    assert "long" in str(told.value) or "context" in str(told.value)
    assert double.control("stats")["active_streams"] == 0


def test_an_unknown_option_is_refused_by_name_on_both_wires(host: Host, double: Double) -> None:
    assert host.chat(slipstream={"usecase": "code"}).error["param"] == "slipstream.usecase"
    reply = host.post(f"/model/{NOVA}/converse", {"messages": HI_CONVERSE}, {"x-slipstream-usecase": "code"})
    assert (reply.status, "x-slipstream-usecase" in reply.message) == (400, True)
    assert double.calls() == 0


def test_bedrocks_own_refusal_of_a_value_is_raised_as_validation(boto: Any, double: Double) -> None:
    double.arm("status", status=400, message="The model says no to something.")
    with pytest.raises(ClientError, match="says no to something"):
        boto.converse(modelId=NOVA, messages=HI_CONVERSE)
    assert double.calls() == 1

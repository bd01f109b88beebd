"""The OpenAI SDK, with nothing changed but its address and key."""

from __future__ import annotations

import openai
import pytest
from openai import OpenAI

from local.endpoint import Endpoint
from tests.e2e.arrivals import Arrivals

DOCUMENT = "The gate opens at nine. Tickets cost four crowns. Dogs stay outside. " * 20
QUESTION = [{"role": "system", "content": DOCUMENT}, {"role": "user", "content": "When does the gate open?"}]


@pytest.fixture
def client(local_stack: Endpoint) -> OpenAI:
    return OpenAI(base_url=local_stack.openai_base_url, api_key=local_stack.api_key, max_retries=0)


def test_a_chat_completion_streams_token_by_token_and_ends_with_its_waterfall(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="balanced",
        messages=QUESTION,  # type: ignore[arg-type]
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    reports = [chunk.model_extra["slipstream"] for chunk in chunks if "slipstream" in (chunk.model_extra or {})]

    assert "nine" in text
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0
    assert {"parse", "resolve", "plan", "bedrock_wait", "stream"} <= set(reports[-1]["spans_ms"])
    assert reports[-1]["cost_usd"] > 0


def test_the_pieces_arrive_one_after_another(client: OpenAI, arrivals: Arrivals) -> None:
    stream = client.chat.completions.create(model="balanced", messages=QUESTION, stream=True)  # type: ignore[call-overload]

    for _ in arrivals.of(chunk for chunk in stream if chunk.choices and chunk.choices[0].delta.content):
        pass

    assert arrivals.streamed


def test_the_same_answer_comes_whole_when_it_is_not_streamed(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="fast", messages=QUESTION)  # type: ignore[arg-type]

    assert "nine" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None


def test_embeddings_come_back_in_the_asked_dimensions(client: OpenAI) -> None:
    found = client.embeddings.create(model="amazon.titan-embed-text-v2:0", input=["a queue", "a line"], dimensions=256)

    assert [len(item.embedding) for item in found.data] == [256, 256]


def test_the_aliases_are_among_the_models(client: OpenAI) -> None:
    assert {"fast", "balanced", "best"} <= {model.id for model in client.models.list()}


def test_an_unknown_model_is_the_sdks_own_not_found_error(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="balanecd", messages=QUESTION)  # type: ignore[arg-type]

    assert "balanced" in str(refused.value)


def test_a_wrong_key_is_the_sdks_own_authentication_error(local_stack: Endpoint) -> None:
    stranger = OpenAI(base_url=local_stack.openai_base_url, api_key="sk-slip-wrong", max_retries=0)

    with pytest.raises((openai.AuthenticationError, openai.PermissionDeniedError)):
        stranger.chat.completions.create(model="fast", messages=QUESTION)  # type: ignore[arg-type]


def test_a_parameter_that_bedrock_cannot_do_is_named(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="fast", messages=QUESTION, n=2)  # type: ignore[call-overload]

    assert refused.value.param == "n"

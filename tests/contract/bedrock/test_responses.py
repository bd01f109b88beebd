"""The Responses endpoint beyond plain text: reasoning, what ends an answer early, errors that name a field."""

from __future__ import annotations

import urllib.request
from typing import Any

import openai
import pytest

from tests.contract.bedrock.running import Running
from tests.contract.bedrock.test_openai import GPT, OSS, SAID, TURN

SEALED = ["reasoning.encrypted_content"]


def thinking(server: Running, effort: str = "low", **more: Any) -> Any:
    reasoning: Any = {"effort": effort, "summary": "auto"}
    return server.openai().responses.create(model=GPT, input=TURN, reasoning=reasoning, include=SEALED, **more)


def test_a_model_thinks_before_it_answers_where_an_effort_is_asked(server: Running) -> None:
    answer = thinking(server)
    thought, message = answer.output
    assert (thought.type, message.type) == ("reasoning", "message")
    assert thought.summary[0].text
    assert thought.encrypted_content
    assert answer.output_text == SAID
    assert answer.usage.output_tokens_details.reasoning_tokens == 16
    assert answer.usage.output_tokens > 16


def test_more_effort_is_more_reasoning(server: Running) -> None:
    spent = [
        thinking(server, effort).usage.output_tokens_details.reasoning_tokens for effort in ("none", "low", "medium")
    ]
    assert spent == sorted(set(spent))
    assert spent[0] == 0


def test_reasoning_streams_as_a_summary_before_the_text(server: Running) -> None:
    kinds = [event.type for event in thinking(server, stream=True)]
    once = list(dict.fromkeys(kinds))
    assert once[2:9] == [
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
        "response.content_part.added",
    ]
    assert kinds[-1] == "response.completed"


def test_reasoning_that_nobody_asked_to_see_is_billed_and_not_shown(server: Running) -> None:
    answer = server.openai().responses.create(model=GPT, input=TURN, reasoning={"effort": "low"})
    thought = answer.output[0]
    assert thought.type == "reasoning"
    assert (thought.summary, thought.encrypted_content) == ([], None)
    assert answer.usage is not None
    assert answer.usage.output_tokens_details.reasoning_tokens == 16


def test_reasoning_comes_back_as_it_was_given_and_not_otherwise(server: Running) -> None:
    first = thinking(server)
    turns: Any = [*TURN, *[item.model_dump(exclude_none=True) for item in first.output], *TURN]
    assert server.openai().responses.create(model=GPT, input=turns).output_text == SAID
    turns[1]["encrypted_content"] = "bm90IG91cnM="
    with pytest.raises(openai.BadRequestError, match="could not be verified") as refused:
        server.openai().responses.create(model=GPT, input=turns)
    assert refused.value.param == "input[1].encrypted_content"


def test_reasoning_counts_towards_max_output_tokens(server: Running) -> None:
    answer = thinking(server, max_output_tokens=5)
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert [item.type for item in answer.output] == ["reasoning"]


def test_an_effort_that_a_model_does_not_know_is_refused_by_name(server: Running) -> None:
    with pytest.raises(openai.BadRequestError, match=r"'reasoning\.effort' does not support 'xhigh'") as refused:
        server.openai().responses.create(model=OSS, input=TURN, reasoning={"effort": "xhigh"})
    assert refused.value.param == "reasoning.effort"


@pytest.mark.parametrize(("field", "value"), [("temperature", 0.5), ("max_output_tokens", 10**9)])
def test_a_refused_parameter_is_named_as_this_endpoint_calls_it(server: Running, field: str, value: float) -> None:
    arguments: Any = {field: value}
    with pytest.raises(openai.BadRequestError) as refused:
        server.openai().responses.create(model=GPT, input=TURN, **arguments)
    assert refused.value.param == field


def test_a_content_filter_leaves_an_incomplete_response(server: Running) -> None:
    client = server.openai(x_double_fault="filter=3")
    answer = client.responses.create(model=GPT, input=TURN)
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "content_filter"
    assert SAID.startswith(answer.output_text)
    *_, last = client.responses.create(model=GPT, input=TURN, stream=True)
    assert last.type == "response.incomplete"


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ("internalServerException", "response.failed", "server_error"),
        ("throttlingException", "response.failed", "rate_limit_exceeded"),
        ("serviceUnavailableException", "error", "server_is_overloaded"),
        ("validationException", "error", "invalid_value"),
    ],
)
def test_a_stream_fails_with_an_event_of_the_endpoints_own(server: Running, fault: str, kind: str, code: str) -> None:
    body = b'{"model":"openai.gpt-5.4","input":"Oslo lies on a fjord. Where does Oslo lie?","stream":true}'
    request = urllib.request.Request(
        f"{server.url}/openai/v1/responses", body, {"x-double-fault": f"exception={fault}"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        last = reply.read().decode().rstrip().rpartition("\n\n")[2]
    assert last.startswith(f"event: {kind}\n")
    assert f'"code":"{code}"' in last


def test_a_bad_key_is_401_here(server: Running) -> None:
    with pytest.raises(openai.AuthenticationError) as refused:
        server.openai(x_double_fault="status=401").responses.create(model=GPT, input=TURN)
    assert refused.value.code == "invalid_api_key"


def test_a_call_says_in_the_statistics_which_region_and_service_it_was_signed_for(server: Running) -> None:
    server.boto().converse(modelId="us.amazon.nova-lite-v1:0", messages=[{"role": "user", "content": [{"text": "Hi"}]}])
    server.openai().responses.create(model=GPT, input=TURN)
    signed, keyed = server.control("stats")["last"][-2:]
    assert (signed["signed_for"], keyed["signed_for"]) == ("us-east-1/bedrock", "")

"""The OpenAI-compatible endpoints as OpenAI's SDK sees them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai import BadRequestError

from tests.contract.bedrock.running import Running

OSS = "openai.gpt-oss-120b-1:0"
GPT = "openai.gpt-5.4"
TURN: Any = [{"role": "user", "content": "Oslo lies on a fjord. Where does Oslo lie?"}]
SAID = "Oslo lies on a fjord."
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.mark.parametrize("prefix", ["/openai/v1", "/v1"])
def test_chat_answers_under_both_prefixes(server: Running, prefix: str) -> None:
    answer = server.openai(prefix).chat.completions.create(model=OSS, messages=TURN)
    assert answer.choices[0].message.content == SAID
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_chat_streams_the_same_text_with_usage_where_asked(server: Running) -> None:
    chunks = list(
        server.openai().chat.completions.create(
            model=OSS, messages=TURN, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == SAID
    assert chunks[-1].usage is not None
    assert len(chunks) > 5


def test_chat_without_include_usage_sends_none(server: Running) -> None:
    chunks = list(server.openai().chat.completions.create(model=OSS, messages=TURN, stream=True))
    assert all(chunk.usage is None for chunk in chunks)


def test_chat_calls_a_required_tool(server: Running) -> None:
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]
    messages: Any = [{"role": "user", "content": "How is it in Lima today?"}]
    client = server.openai()
    answer = client.chat.completions.create(model=OSS, messages=messages, tools=tools, tool_choice="required")
    (call,) = answer.choices[0].message.tool_calls or []
    assert answer.choices[0].finish_reason == "tool_calls"
    assert json.loads(call.function.arguments) == {"city": "Lima"}  # type: ignore[union-attr]


def test_responses_answer_and_report_usage(server: Running) -> None:
    answer = server.openai().responses.create(model=GPT, input=TURN)
    assert answer.output_text == SAID
    assert answer.status == "completed"
    assert answer.usage is not None
    assert answer.usage.input_tokens_details.cached_tokens == 0


def test_responses_stream_every_event_in_order_and_numbered(server: Running) -> None:
    events = list(server.openai().responses.create(model=GPT, input=TURN, stream=True))
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert set(kinds[4:-4]) == {"response.output_text.delta"}
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_responses_stream_a_function_call(server: Running) -> None:
    tools: Any = [{"type": "function", "name": "weather", "parameters": PARAMETERS, "strict": True}]
    with server.openai().responses.stream(model=GPT, input="Use weather for Lima.", tools=tools) as stream:
        final = stream.get_final_response()
    (call,) = final.output
    assert call.type == "function_call"
    assert json.loads(call.arguments) == {"city": "Lima"}


def test_a_response_that_is_cut_is_incomplete(server: Running) -> None:
    answer = server.openai().responses.create(model=GPT, input=TURN, max_output_tokens=2)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


def test_a_json_schema_shapes_a_response(server: Running) -> None:
    form: Any = {"format": {"type": "json_schema", "name": "place", "schema": PARAMETERS}}
    answer = server.openai().responses.create(model=GPT, input="Tell me about Lima.", text=form)
    assert json.loads(answer.output_text) == {"city": "Lima"}


def test_a_model_that_speaks_only_responses_refuses_chat(server: Running) -> None:
    with pytest.raises(BadRequestError, match="does not support this operation"):
        server.openai().chat.completions.create(model=GPT, messages=TURN)


def test_models_are_listed(server: Running) -> None:
    assert {OSS, GPT} <= {model.id for model in server.openai().models.list()}

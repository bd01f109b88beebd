"""What Bedrock's wire asks for in Converse's words, told to a model that only Responses serves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipstream.chat.request import ChatRequest, Message, Reasoning, ResponseFormat, Text, Tool
from slipstream.errors import InvalidRequest
from slipstream.models.catalogue import load
from slipstream.models.resolve import Resolver
from slipstream.models.resolved import ResolvedCall

GPT = "openai.gpt-5.5"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
HELLO = Message("user", [Text("hello")])


def resolve(messages: list[Message] | None = None, *, model: str = GPT, **fields: Any) -> ResolvedCall:
    return Resolver(load()).resolve(ChatRequest(model=model, messages=messages or [HELLO], **fields))


def form(**schema: Any) -> dict[str, Any]:
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}


def test_a_text_format_becomes_a_response_format() -> None:
    asked = form(schema=json.dumps(SCHEMA), name="place", description="A place")
    call = resolve(converse_extras={"outputConfig": asked, "additionalModelRequestFields": {"verbosity": "low"}})
    assert call.request.response_format == ResponseFormat("json_schema", SCHEMA, "place", "A place")
    assert call.request.converse_extras == {"additionalModelRequestFields": {"verbosity": "low"}}


def test_an_effort_is_fitted_to_the_model_like_any_other() -> None:
    call = resolve(converse_extras={"outputConfig": {"effort": "max"}})
    assert call.sent["reasoning_effort"] == "xhigh"
    assert any("'xhigh' sent instead of 'max'" in note for note in call.notes)


@pytest.mark.parametrize(
    ("config", "param"),
    [
        ({"effort": "very"}, "outputConfig.effort"),
        ({"effort": 3}, "outputConfig.effort"),
        ({"colour": "red"}, "outputConfig"),
        ({"textFormat": {**form(schema="{}")["textFormat"], "type": "yaml"}}, "outputConfig.textFormat.type"),
        (form(schema="{"), "outputConfig.textFormat.structure.jsonSchema.schema"),
        (form(schema="[]"), "outputConfig.textFormat.structure.jsonSchema.schema"),
        (form(name="place"), "outputConfig.textFormat.structure.jsonSchema"),
        ({"textFormat": 7}, "outputConfig.textFormat"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_is_refused_with_its_path(config: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        resolve(converse_extras={"outputConfig": config})
    assert refused.value.param == param


def test_output_configuration_of_a_converse_model_is_handed_on_unread() -> None:
    extras = {"outputConfig": {"colour": "red"}}
    assert resolve(model="us.amazon.nova-lite-v1:0", converse_extras=extras).request.converse_extras == extras


def test_a_system_tool_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match=r"system tool 'nova_grounding'.*toolSpec") as refused:
        resolve(tools=[Tool("nova_grounding", None, None, system=True)])
    assert refused.value.param == "toolConfig.tools"


def test_reasoning_that_cannot_go_back_is_left_out_and_told_once() -> None:
    signed = Reasoning("because", signature="s")
    turns = [
        HELLO,
        Message("assistant", [Reasoning("hm"), signed, Text("hi")]),
        Message("user", [Text("more")]),
        Message("assistant", [Reasoning(redacted="eA==")]),
        Message("user", [Text("more")]),
    ]
    call = resolve(turns)
    assert [message.content for message in call.request.messages] == [
        [Text("hello")],
        [signed, Text("hi")],
        [Text("more")],
        [Text("more")],
    ]
    assert sum("earlier reasoning left out" in note for note in call.notes) == 1


def test_signed_reasoning_goes_back_without_a_note() -> None:
    call = resolve([HELLO, Message("assistant", [Reasoning("x", signature="s"), Text("hi")]), HELLO])
    assert not any("reasoning" in note for note in call.notes)

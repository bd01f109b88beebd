from __future__ import annotations

from typing import Any

import pytest

from slipstream.chat.request import (
    CachePoint,
    ChatRequest,
    Image,
    Options,
    ResponseFormat,
    Text,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from slipstream.errors import InvalidRequest, PromptTooLong
from slipstream.models.resolve import Resolver

from .conftest import GPT_55, HAIKU, LLAMA, NOVA_MICRO, NOVA_PRO, OPUS_55, asking, assistant, user

TOOL = Tool("weather", "Weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}})
PICTURE = Image("png", "iVBORw0KGgo=")
CALLED = (
    user("Weather in Bern?"),
    assistant(ToolUse("t1", "weather", {"city": "Bern"})),
    user(ToolResult("t1", [Text("sun")])),
)


def test_an_image_for_a_text_model_is_refused_with_its_path(resolver: Resolver) -> None:
    with pytest.raises(InvalidRequest, match="reads text only") as caught:
        resolver.resolve(asking(NOVA_MICRO, user("a"), assistant("b"), user("c", PICTURE)))
    assert caught.value.param == "messages[2].content[1]"


def test_an_image_inside_a_tool_result_counts_as_one(resolver: Resolver) -> None:
    with pytest.raises(InvalidRequest) as caught:
        resolver.resolve(asking(NOVA_MICRO, user(ToolResult("t", [PICTURE]))))
    assert caught.value.param == "messages[0].content[0]"


def test_an_image_for_a_model_that_sees_passes(resolver: Resolver) -> None:
    assert resolver.resolve(asking(HAIKU, user(PICTURE))).request.messages[0].content == [PICTURE]


def test_a_prompt_that_is_too_long_even_by_an_optimistic_count_is_refused(resolver: Resolver) -> None:
    with pytest.raises(PromptTooLong, match="200000") as caught:
        resolver.resolve(asking(HAIKU, user("word " * 250_000)))
    assert caught.value.code == "context_length_exceeded"


def test_a_prompt_that_may_still_fit_is_left_to_bedrock(resolver: Resolver) -> None:
    assert resolver.resolve(asking(HAIKU, user("x" * 1_000_000))).model_id


def test_an_unlisted_models_context_window_is_left_to_bedrock(resolver: Resolver) -> None:
    assert resolver.resolve(asking("anthropic.claude-future-1-v1:0", user("x" * 3_000_000))).model_id


def test_tools_for_a_model_without_them_are_refused(resolver: Resolver) -> None:
    with pytest.raises(InvalidRequest, match="cannot call tools") as caught:
        resolver.resolve(asking("us.deepseek.r1-v1:0", tools=[TOOL]))
    assert caught.value.param == "tools"


@pytest.mark.parametrize(
    ("model", "choice"),
    [(OPUS_55, ToolChoice("any")), (OPUS_55, ToolChoice("tool", "weather")), (LLAMA, ToolChoice("tool", "weather"))],
)
def test_a_forced_tool_choice_that_the_model_rejects_fails_with_the_reason(
    resolver: Resolver, model: str, choice: ToolChoice
) -> None:
    with pytest.raises(InvalidRequest, match="rejects a forced tool choice") as caught:
        resolver.resolve(asking(model, tools=[TOOL], tool_choice=choice))
    assert caught.value.param == "tool_choice"


def test_a_forced_tool_choice_that_the_model_takes_goes_out_unchanged(resolver: Resolver) -> None:
    choice = ToolChoice("tool", "weather")
    assert resolver.resolve(asking(HAIKU, tools=[TOOL], tool_choice=choice)).request.tool_choice == choice


def test_a_forced_choice_without_tools_is_refused(resolver: Resolver) -> None:
    with pytest.raises(InvalidRequest) as caught:
        resolver.resolve(asking(HAIKU, tool_choice=ToolChoice("any")))
    assert caught.value.param == "tool_choice"


def test_tool_choice_none_leaves_the_tools_out_of_converse(resolver: Resolver) -> None:
    request = resolver.resolve(asking(HAIKU, tools=[TOOL], tool_choice=ToolChoice("none"))).request
    assert (request.tools, request.tool_choice) == ([], None)


def test_tool_choice_none_keeps_the_tools_that_earlier_turns_need_and_says_so(resolver: Resolver) -> None:
    choice = ToolChoice("none")
    call = resolver.resolve(asking(HAIKU, *CALLED, tools=[TOOL], tool_choice=choice))
    assert (call.request.tools, call.request.tool_choice) == ([TOOL], choice)
    assert any("'none' asked for in words" in note for note in call.notes)


def test_tool_choice_none_goes_to_responses_as_it_is(resolver: Resolver) -> None:
    choice = ToolChoice("none")
    assert resolver.resolve(asking(GPT_55, tools=[TOOL], tool_choice=choice)).request.tool_choice == choice


def test_parallel_calls_that_cannot_be_switched_off_are_told(resolver: Resolver) -> None:
    nova, claude = (resolver.resolve(asking(m, tools=[TOOL], parallel_tool_calls=False)) for m in (NOVA_PRO, HAIKU))
    assert any("parallel_tool_calls" in note for note in nova.notes)
    assert not any("parallel_tool_calls" in note for note in claude.notes)


SCHEMA = ResponseFormat("json_schema", {"type": "object", "required": ["city"]}, "place")


def test_a_json_schema_goes_out_where_the_model_enforces_it(resolver: Resolver) -> None:
    assert resolver.resolve(asking(HAIKU, response_format=SCHEMA)).request.response_format == SCHEMA


def test_a_json_schema_is_asked_for_in_words_where_the_model_does_not_enforce_it(resolver: Resolver) -> None:
    call = resolver.resolve(asking(NOVA_PRO, system="Be brief.", response_format=SCHEMA))
    assert call.request.response_format is None
    first, second = call.request.system
    assert first == Text("Be brief.")
    assert isinstance(second, Text)
    assert '"required":["city"]' in second.text
    assert any("in words" in note for note in call.notes)


def test_a_json_object_is_asked_for_in_words_on_converse_and_natively_on_responses(resolver: Resolver) -> None:
    wanted = ResponseFormat("json_object")
    assert resolver.resolve(asking(HAIKU, response_format=wanted)).request.response_format is None
    assert resolver.resolve(asking(GPT_55, response_format=wanted)).request.response_format == wanted


def test_a_system_prompt_goes_before_the_first_turn_where_a_model_takes_none(resolver: Resolver) -> None:
    request = ChatRequest(
        model="mistral.mistral-7b-instruct-v0:2", messages=[user("Hi")], system=[Text("Be brief."), CachePoint()]
    )
    call = resolver.resolve(request)
    assert call.request.system == []
    assert call.request.messages[0].content == [Text("Be brief."), Text("Hi")]
    assert any("system prompt" in note for note in call.notes)


@pytest.mark.parametrize(
    ("region", "model", "expected"),
    [("us-east-2", NOVA_PRO, "optimized"), ("eu-west-1", NOVA_PRO, None), ("us-east-2", HAIKU, None)],
)
def test_latency_optimized_is_asked_for_where_model_and_region_have_it(
    region: str, model: str, expected: str | None
) -> None:
    call = Resolver(region=region).resolve(asking(model, options=Options(latency="optimized")))
    assert call.latency == expected
    assert any("latency 'optimized' left out" in note for note in call.notes) == (expected is None)


@pytest.mark.parametrize(
    ("model", "tier", "expected", "told"),
    [
        (NOVA_PRO, "flex", "flex", False),
        (HAIKU, "flex", None, True),
        (HAIKU, "auto", None, False),
        (HAIKU, None, None, False),
        ("zai.glm-9", "flex", "flex", False),
    ],
)
def test_a_service_tier_is_asked_for_where_the_model_has_it(
    resolver: Resolver, model: str, tier: str | None, expected: str | None, *, told: bool
) -> None:
    call = resolver.resolve(asking(model, service_tier=tier))
    assert call.service_tier == expected
    assert any("service_tier" in note for note in call.notes) == told


def test_a_request_that_fits_goes_out_as_the_same_object(resolver: Resolver) -> None:
    request: Any = asking(HAIKU, *CALLED, tools=[TOOL], system="s")
    assert resolver.resolve(request).request is request

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from slipstream.chat.request import CachePoint, Message, Options, Parameters, Text, Tool, ToolChoice
from slipstream.errors import InvalidRequest, Throttled, UpstreamUnavailable
from slipstream.fakes.parameter_rules import InMemoryParameterRules
from slipstream.models.resolve import Resolver
from slipstream.models.resolved import CacheMark, ResolvedCall

from .conftest import HAIKU, NOVA_PRO, SONNET_4, asking, user

FUTURE = "anthropic.claude-future-1-v1:0"
PREFIX = "The model returned the following errors: "


def no(message: str) -> InvalidRequest:
    return InvalidRequest(message)


def resolved(resolver: Resolver, model: str = SONNET_4, **parameters: Any) -> ResolvedCall:
    return resolver.resolve(asking(model, parameters=Parameters(max_tokens=50, **parameters)))


@pytest.mark.parametrize(
    ("message", "gone"),
    [
        (PREFIX + "`temperature` and `top_p` cannot both be specified for this model. Please use only one.", "top_p"),
        (PREFIX + "temperature is deprecated for this model.", "temperature"),
        (PREFIX + "`temperature` is deprecated for this model.", "temperature"),
        (PREFIX + "top_k: Extra inputs are not permitted", "top_k"),
        ("Malformed input request: #: extraneous key [topK] is not permitted, please reformat your input.", "top_k"),
        (PREFIX + "`top_p` is not supported for this model. Only the default value is accepted; remove it.", "top_p"),
        ("This model doesn't support the stopSequences field. Remove stopSequences and try again.", "stop"),
        ("This model does not support the topP parameter.", "top_p"),
        ("Unsupported parameter: 'temperature' is not supported with this model.", "temperature"),
    ],
)
def test_bedrocks_wordings_about_a_parameter_are_understood(resolver: Resolver, message: str, gone: str) -> None:
    call = resolved(resolver, temperature=0.3, top_p=0.8, top_k=20, stop=["END"])
    again = resolver.learn(call, no(message))
    assert again is not None
    assert set(call.sent) - set(again.sent) == {gone}
    assert any(gone in note for note in again.notes)


def test_what_is_refused_only_beside_something_else_is_healed_and_not_remembered(resolver: Resolver) -> None:
    call = resolved(resolver, temperature=0.3)
    message = PREFIX + "`temperature` may only be set to 1 when thinking is enabled."
    again = resolver.learn(call, no(message))
    assert again is not None
    assert "temperature" not in again.sent
    assert resolver.pending_rules() == []
    assert resolved(resolver, temperature=0.3).sent["temperature"] == 0.3


def test_a_message_that_refuses_several_parameters_is_obeyed_at_once(resolver: Resolver) -> None:
    call = resolved(resolver, temperature=0.3, top_p=0.8)
    again = resolver.learn(call, no("`temperature`, `top_p` and `top_k` are not supported for this model."))
    assert again is not None
    assert set(again.sent) == {"max_tokens"}


@pytest.mark.parametrize(
    "message",
    [
        "Latency performance configuration is not supported for the model.",
        "performanceConfig.latency: optimized is not available for this model in this region",
    ],
)
def test_a_refused_latency_is_understood(message: str) -> None:
    resolver = Resolver(region="us-east-2")
    call = resolver.resolve(asking(NOVA_PRO, options=Options(latency="optimized")))
    again = resolver.learn(call, no(message))
    assert again is not None
    assert (call.latency, again.latency) == ("optimized", None)
    assert resolver.resolve(asking(NOVA_PRO, options=Options(latency="optimized"))).latency is None


def test_a_refused_service_tier_is_understood(resolver: Resolver) -> None:
    call = resolver.resolve(asking(NOVA_PRO, service_tier="flex"))
    again = resolver.learn(call, no("The provided service tier flex is not supported for this model."))
    assert again is not None
    assert again.service_tier is None


@pytest.mark.parametrize(
    "message",
    [
        "You invoked an unsupported model or your request did not allow prompt caching.",
        "cachePoint is not supported for this model",
        PREFIX + "cache_control: Extra inputs are not permitted",
    ],
)
def test_refused_cache_points_go_the_callers_own_included(resolver: Resolver, message: str) -> None:
    own = Message("user", [Text("a"), CachePoint()])
    tool = Tool("f", None, {"type": "object"}, cache_point=CachePoint())
    call = resolver.resolve(asking(HAIKU, own, tools=[tool], system="s"))
    marked = msgspec.structs.replace(call, cache_points=[CacheMark("system")])
    again = resolver.learn(marked, no(message))
    assert again is not None
    assert again.cache_points == []
    assert again.prompt_cache is None
    assert again.request.messages[0].content == [Text("a")]
    assert again.request.tools[0].cache_point is None
    later = resolver.resolve(asking(HAIKU, own))
    assert later.prompt_cache is None
    assert later.request.messages[0].content == [Text("a")]


def test_a_refused_effort_goes_with_its_fields(resolver: Resolver) -> None:
    call = resolver.resolve(asking(HAIKU, parameters=Parameters(reasoning_effort="low")))
    again = resolver.learn(call, no(PREFIX + "thinking: Extra inputs are not permitted"))
    assert again is not None
    assert again.reasoning_fields == {}
    assert "reasoning_effort" not in again.sent


def test_a_max_tokens_that_we_chose_is_lowered_to_the_limit_that_the_message_names(resolver: Resolver) -> None:
    message = (
        "The maximum tokens you requested exceeds the model limit of 2,048. "
        "Try again with a maximum tokens value that is lower than 2,048."
    )
    again = resolver.learn(resolver.resolve(asking(FUTURE)), no(message))
    assert again is not None
    assert again.sent["max_tokens"] == 2048
    assert resolver.resolve(asking(FUTURE)).sent["max_tokens"] == 2048


def test_the_callers_own_max_tokens_is_never_lowered(resolver: Resolver) -> None:
    call = resolver.resolve(asking(FUTURE, parameters=Parameters(max_tokens=9000)))
    assert resolver.learn(call, no("The maximum tokens you requested exceeds the model limit of 2048.")) is None


@pytest.mark.parametrize(
    "error",
    [
        no("Input is too long for requested model."),
        no("messages: roles must alternate"),
        no("temperature: 3 is not less or equal to 1"),
        no("This model doesn't support tool use."),
        no(PREFIX + "tool_choice: forcing tool use is not supported for this model. Use `auto`."),
        no("Thinking may not be enabled when tool_choice forces tool use."),
        no(""),
        Throttled("temperature is deprecated for this model"),
        UpstreamUnavailable("`temperature` and `top_p` cannot both be specified"),
    ],
)
def test_any_other_error_is_the_callers_to_see(resolver: Resolver, error: Any) -> None:
    call = resolved(resolver, temperature=0.3, top_p=0.8, top_k=20, stop=["END"])
    assert resolver.learn(call, error) is None
    assert resolver.pending_rules() == []


def test_a_forced_tool_choice_is_never_dropped(resolver: Resolver) -> None:
    tool, forced = Tool("f", None, {"type": "object"}), ToolChoice("tool", "f")
    call = resolver.resolve(asking(FUTURE, tools=[tool], tool_choice=forced, parameters=Parameters(temperature=0.1)))
    again = resolver.learn(call, no(PREFIX + "temperature is deprecated for this model."))
    assert again is not None
    assert again.request.tool_choice == forced
    assert again.request.tools == [tool]


def test_a_parameter_that_was_not_sent_is_not_learnt(resolver: Resolver) -> None:
    assert resolver.learn(resolved(resolver), no("temperature is deprecated for this model.")) is None


def test_the_second_request_does_not_pay_again(resolver: Resolver) -> None:
    resolver.learn(resolved(resolver, FUTURE, temperature=0.3), no("temperature is deprecated for this model."))
    assert "temperature" not in resolved(resolver, FUTURE, temperature=0.3).sent
    assert "temperature" not in resolver.resolve(asking(FUTURE, options=Options(use_case="chat"))).sent


def test_what_one_model_rejects_says_nothing_of_another(resolver: Resolver) -> None:
    resolver.learn(resolved(resolver, FUTURE, temperature=0.3), no("temperature is deprecated for this model."))
    assert "temperature" in resolved(resolver, SONNET_4, temperature=0.3).sent


def test_the_pair_rule_lets_either_alone_pass(resolver: Resolver) -> None:
    call = resolved(resolver, temperature=0.3, top_p=0.8)
    resolver.learn(call, no("`temperature` and `top_p` cannot both be specified for this model."))
    assert resolved(resolver, temperature=0.3).sent["temperature"] == 0.3
    assert resolved(resolver, top_p=0.8).sent["top_p"] == 0.8
    assert "top_p" not in resolved(resolver, temperature=0.3, top_p=0.8).sent


def test_learning_the_same_twice_changes_nothing(resolver: Resolver) -> None:
    error = no("temperature is deprecated for this model.")
    call = resolved(resolver, temperature=0.3)
    first, second = resolver.learn(call, error), resolver.learn(call, error)
    assert first == second
    assert first is not None
    assert resolver.learn(first, error) is None
    assert len(resolver.pending_rules()) == 1


def test_a_learnt_rule_reaches_other_environments_after_the_last_byte() -> None:
    table = InMemoryParameterRules()
    here, there = Resolver(rules=table), Resolver(rules=table)
    here.learn(resolved(here, temperature=0.3), no("temperature is deprecated for this model."))
    assert table.load() == {}
    here.settle()
    there.settle()
    assert table.load() == {"anthropic.claude-sonnet-4-20250514-v1:0": ["temperature"]}
    assert "temperature" not in resolved(there, temperature=0.3).sent


def test_resolving_never_reads_the_store_and_settling_reads_it_seldom() -> None:
    now = [0.0]
    table = InMemoryParameterRules()
    resolver = Resolver(rules=table, clock=lambda: now[0])
    resolver.resolve(asking())
    assert table.loads == 0
    for now[0] in (1.0, 2.0, 299.0, 301.5):
        resolver.settle()
    assert table.loads == 2


def test_rules_of_another_version_in_the_table_are_ignored() -> None:
    table = InMemoryParameterRules(
        {"anthropic.claude-sonnet-4-20250514-v1:0": ["tool_choice", "max_tokens<=x", "top_p"]}
    )
    resolver = Resolver(rules=table)
    resolver.settle()
    assert set(resolved(resolver, temperature=0.3, top_p=0.8).sent) == {"max_tokens", "temperature"}


def test_a_store_that_fails_to_load_is_no_trouble() -> None:
    class Down(InMemoryParameterRules):
        def load(self) -> dict[str, list[str]]:
            raise UpstreamUnavailable("table not reachable")

    resolver = Resolver(rules=Down())
    resolver.settle()
    assert resolver.resolve(asking(HAIKU, user("hi"))).sent

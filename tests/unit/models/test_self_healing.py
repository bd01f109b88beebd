from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from slipstream.chat.request import CachePoint, Message, Options, Parameters, Text, Tool, ToolChoice
from slipstream.errors import InvalidRequest, Throttled, UpstreamUnavailable
from slipstream.fakes.parameter_rules import InMemoryParameterRules
from slipstream.models.lasting_rules import RULE_LIFE_S
from slipstream.models.learnt_rules import LearntRules
from slipstream.models.resolve import Resolver
from slipstream.models.resolved import CacheMark, ResolvedCall

from .conftest import GPT_OSS, HAIKU, NOVA_PRO, SONNET_4, asking, healed, user

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
    again = healed(resolver, call, no(message))
    assert again is not None
    assert set(call.sent) - set(again.sent) == {gone}
    assert any(gone in note for note in again.notes)


def test_what_is_refused_only_beside_something_else_is_healed_and_not_remembered(resolver: Resolver) -> None:
    call = resolved(resolver, temperature=0.3)
    message = PREFIX + "`temperature` may only be set to 1 when thinking is enabled."
    again = healed(resolver, call, no(message))
    assert again is not None
    assert "temperature" not in again.sent
    assert resolver.pending_rules() == []
    assert resolved(resolver, temperature=0.3).sent["temperature"] == 0.3


def test_a_message_that_refuses_several_parameters_is_obeyed_at_once(resolver: Resolver) -> None:
    call = resolved(resolver, temperature=0.3, top_p=0.8)
    again = healed(resolver, call, no("`temperature`, `top_p` and `top_k` are not supported for this model."))
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
    again = healed(resolver, call, no(message))
    assert again is not None
    assert (call.latency, again.latency) == ("optimized", None)
    assert resolver.resolve(asking(NOVA_PRO, options=Options(latency="optimized"))).latency is None


def test_a_refused_service_tier_is_understood(resolver: Resolver) -> None:
    call = resolver.resolve(asking(NOVA_PRO, service_tier="flex"))
    again = healed(resolver, call, no("The provided service tier flex is not supported for this model."))
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
    again = healed(resolver, marked, no(message))
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
    again = healed(resolver, call, no(PREFIX + "thinking: Extra inputs are not permitted"))
    assert again is not None
    assert again.reasoning_fields == {}
    assert "reasoning_effort" not in again.sent


def test_a_max_tokens_that_we_chose_is_lowered_to_the_limit_that_the_message_names(resolver: Resolver) -> None:
    message = (
        "The maximum tokens you requested exceeds the model limit of 2,048. "
        "Try again with a maximum tokens value that is lower than 2,048."
    )
    again = healed(resolver, resolver.resolve(asking(FUTURE)), no(message))
    assert again is not None
    assert again.sent["max_tokens"] == 2048
    assert resolver.resolve(asking(FUTURE)).sent["max_tokens"] == 2048


def test_the_callers_own_max_tokens_is_never_lowered(resolver: Resolver) -> None:
    call = resolver.resolve(asking(FUTURE, parameters=Parameters(max_tokens=9000)))
    assert healed(resolver, call, no("The maximum tokens you requested exceeds the model limit of 2048.")) is None


@pytest.mark.parametrize(
    "error",
    [
        no("Input is too long for requested model."),
        no("messages: roles must alternate"),
        no("temperature: 3 is not less or equal to 1"),
        no("This model doesn't support tool use."),
        no(PREFIX + "tool_choice: forcing tool use is not supported for this model. Use `auto`."),
        no("Thinking may not be enabled when tool_choice forces tool use."),
        no(PREFIX + "tool_choice is not supported together with temperature."),
        no("toolConfig and stopSequences cannot be used together: stopSequences is not supported."),
        no(""),
        Throttled("temperature is deprecated for this model"),
        UpstreamUnavailable("`temperature` and `top_p` cannot both be specified"),
    ],
)
def test_any_other_error_is_the_callers_to_see(resolver: Resolver, error: Any) -> None:
    call = resolved(resolver, temperature=0.3, top_p=0.8, top_k=20, stop=["END"])
    assert healed(resolver, call, error) is None
    assert resolver.pending_rules() == []


def test_a_forced_tool_choice_is_never_dropped(resolver: Resolver) -> None:
    tool, forced = Tool("f", None, {"type": "object"}), ToolChoice("tool", "f")
    call = resolver.resolve(asking(FUTURE, tools=[tool], tool_choice=forced, parameters=Parameters(temperature=0.1)))
    again = healed(resolver, call, no(PREFIX + "temperature is deprecated for this model."))
    assert again is not None
    assert again.request.tool_choice == forced
    assert again.request.tools == [tool]


def test_a_parameter_that_was_not_sent_is_not_learnt(resolver: Resolver) -> None:
    assert healed(resolver, resolved(resolver), no("temperature is deprecated for this model.")) is None


def test_the_second_request_does_not_pay_again(resolver: Resolver) -> None:
    healed(resolver, resolved(resolver, FUTURE, temperature=0.3), no("temperature is deprecated for this model."))
    assert "temperature" not in resolved(resolver, FUTURE, temperature=0.3).sent
    assert "temperature" not in resolver.resolve(asking(FUTURE, options=Options(use_case="chat"))).sent


def test_what_one_model_rejects_says_nothing_of_another(resolver: Resolver) -> None:
    healed(resolver, resolved(resolver, FUTURE, temperature=0.3), no("temperature is deprecated for this model."))
    assert "temperature" in resolved(resolver, SONNET_4, temperature=0.3).sent


def test_the_pair_rule_lets_either_alone_pass(resolver: Resolver) -> None:
    call = resolved(resolver, temperature=0.3, top_p=0.8)
    healed(resolver, call, no("`temperature` and `top_p` cannot both be specified for this model."))
    assert resolved(resolver, temperature=0.3).sent["temperature"] == 0.3
    assert resolved(resolver, top_p=0.8).sent["top_p"] == 0.8
    assert "top_p" not in resolved(resolver, temperature=0.3, top_p=0.8).sent


def test_of_a_refused_pair_the_presets_half_goes(resolver: Resolver) -> None:
    asked = asking(SONNET_4, parameters=Parameters(top_p=0.8), options=Options(use_case="chat"))
    again = healed(resolver, resolver.resolve(asked), no("`temperature` and `top_p` cannot both be specified."))
    assert again is not None
    assert again.sent["top_p"] == 0.8
    assert "temperature" not in again.sent


def test_learning_the_same_twice_changes_nothing(resolver: Resolver) -> None:
    error = no("temperature is deprecated for this model.")
    call = resolved(resolver, temperature=0.3)
    first, second = healed(resolver, call, error), healed(resolver, call, error)
    assert first == second
    assert first is not None
    assert healed(resolver, first, error) is None
    assert len(resolver.pending_rules()) == 1


SONNET_4_ID = "anthropic.claude-sonnet-4-20250514-v1:0"
DEPRECATED = no("temperature is deprecated for this model.")


class Clock:
    """Unix time (s), as the test says."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_learnt_rule_reaches_other_environments_after_the_last_byte() -> None:
    clock, table = Clock(), InMemoryParameterRules()
    here, there = Resolver(rules=table, clock=clock), Resolver(rules=table, clock=clock)
    healed(here, resolved(here, temperature=0.3), DEPRECATED)
    assert table.load() == {}
    here.settle()
    there.settle()
    assert table.load() == {SONNET_4_ID: {"temperature": clock.now_s + RULE_LIFE_S}}
    assert "temperature" not in resolved(there, temperature=0.3).sent


def test_healing_alone_teaches_nothing(resolver: Resolver) -> None:
    call = resolved(resolver, temperature=0.3)
    assert resolver.heal(call, DEPRECATED) is not None
    assert "temperature" in resolved(resolver, temperature=0.3).sent
    assert resolver.pending_rules() == []


def test_a_rule_is_forgotten_in_its_time_and_can_be_learnt_again() -> None:
    clock = Clock()
    resolver = Resolver(clock=clock)
    for _ in range(2):
        healed(resolver, resolved(resolver, temperature=0.3), DEPRECATED)
        assert len(resolver.pending_rules()) == 1
        clock.now_s += RULE_LIFE_S - 1
        assert "temperature" not in resolved(resolver, temperature=0.3).sent
        clock.now_s += 1
        assert "temperature" in resolved(resolver, temperature=0.3).sent


def test_forgetting_one_rule_keeps_the_others() -> None:
    clock = Clock()
    resolver = Resolver(clock=clock)
    healed(resolver, resolved(resolver, temperature=0.3), DEPRECATED)
    clock.now_s += RULE_LIFE_S / 2
    healed(resolver, resolved(resolver, top_k=5), no("top_k: Extra inputs are not permitted"))
    clock.now_s += RULE_LIFE_S / 2
    assert set(resolved(resolver, temperature=0.3, top_k=5).sent) == {"max_tokens", "temperature"}


def test_what_a_use_case_sends_comes_back_too_when_its_rule_expires() -> None:
    clock = Clock()
    resolver = Resolver(clock=clock)
    asked = asking(SONNET_4, options=Options(use_case="chat"))
    before = resolver.resolve(asked).sent
    healed(resolver, resolved(resolver, temperature=0.3), DEPRECATED)
    assert "temperature" not in resolver.resolve(asked).sent
    clock.now_s += RULE_LIFE_S
    assert resolver.resolve(asked).sent == before


def test_a_stored_rule_that_has_expired_is_not_believed() -> None:
    clock = Clock()
    table = InMemoryParameterRules({SONNET_4_ID: {"temperature": clock.now_s, "top_p": clock.now_s + 10}})
    resolver = Resolver(rules=table, clock=clock)
    resolver.settle()
    assert set(resolved(resolver, temperature=0.3, top_p=0.8).sent) == {"max_tokens", "temperature"}


def test_resolving_never_reads_the_store_and_settling_reads_it_seldom() -> None:
    now = [0.0]
    table = InMemoryParameterRules()
    resolver = Resolver(rules=table, clock=lambda: now[0])
    resolver.resolve(asking())
    assert table.loads == 0
    for now[0] in (1.0, 2.0, 299.0, 301.5):
        resolver.settle()
    assert table.loads == 2


@pytest.mark.parametrize("rule", ["max_tokens<=x", "max_tokens<=0", "max_tokens<=10 or so", "max_tokens<=1e3"])
def test_a_limit_in_the_table_that_is_no_number_does_no_harm(rule: str) -> None:
    clock = Clock()
    resolver = Resolver(rules=InMemoryParameterRules({FUTURE: {rule: clock.now_s + 10}}), clock=clock)
    before = resolver.resolve(asking(FUTURE))
    resolver.settle()
    assert resolver.resolve(asking(FUTURE)) == before


@pytest.mark.parametrize(
    ("rule", "known"),
    [
        ("top_p", True),
        ("temperature+top_p", True),
        ("cache_points", True),
        ("max_tokens<=2048", True),
        ("service_tier=flex", True),
        ("reasoning_effort=low", True),
        ("service_tier", False),
        ("reasoning_effort", False),
        ("tool_choice", False),
        ("top_p ", False),
        ("service_tier=", False),
        ("", False),
    ],
)
def test_only_rules_that_this_version_could_have_learnt_are_taken_from_the_table(rule: str, known: bool) -> None:
    clock = Clock()
    learnt = LearntRules(InMemoryParameterRules({"m": {rule: clock.now_s + 10}}), clock)
    learnt.exchange()
    assert learnt.of("m") == ({rule} if known else set())


class TestNobodyCanTeachOthers:
    """What one caller chose, or wrote, becomes no rule for all: the call alone is healed."""

    def unlearnt(self, call: ResolvedCall, message: str, gone: str) -> None:
        resolver = Resolver()
        found = resolver.heal(call, no(message))
        assert found is not None
        again, rules = found
        assert rules == []
        assert gone not in again.sent
        assert any(f"{gone} left out: the model rejected it in this call" in note for note in again.notes)

    @pytest.mark.parametrize(
        ("parameters", "message", "gone"),
        [
            ({"temperature": 0.9}, "temperature: 0.9 is not supported by this model", "temperature"),
            ({"temperature": 1}, "a temperature of 1.0 is not allowed", "temperature"),
            ({"temperature": 0.9}, "temperature not supported: it must lie between 0 and 0.5", "temperature"),
            ({"top_k": 500}, "top_k is not accepted if greater than 200", "top_k"),
            ({"stop": ["</end>"]}, "the stop sequence '</END>' is not permitted", "stop"),
            ({"stop": [" "]}, "stop_sequences: whitespace is not permitted", "stop"),
        ],
    )
    def test_by_a_value(self, resolver: Resolver, parameters: dict[str, Any], message: str, gone: str) -> None:
        self.unlearnt(resolved(resolver, **parameters), message, gone)

    def test_by_a_tier_but_of_that_tier(self, resolver: Resolver) -> None:
        call = resolver.resolve(asking(NOVA_PRO, service_tier="flex"))
        healed(resolver, call, no("The requested service tier is not available for your account."))
        assert resolver.resolve(asking(NOVA_PRO, service_tier="flex")).service_tier is None
        assert resolver.resolve(asking(NOVA_PRO, service_tier="priority")).service_tier == "priority"

    def test_by_an_effort_but_of_that_effort(self, resolver: Resolver) -> None:
        def effort(level: str) -> ResolvedCall:
            return resolver.resolve(asking(GPT_OSS, parameters=Parameters(reasoning_effort=level)))

        healed(resolver, effort("high"), no("reasoning_effort 'high' is not supported"))
        assert "reasoning_effort" not in effort("high").sent
        assert effort("low").sent["reasoning_effort"] == "low"

    @pytest.mark.parametrize(
        "message",
        ["cachePoint ttl 1h is not supported for this model", "cachePoint is not permitted after tools on this model"],
    )
    def test_by_where_or_for_how_long_a_cache_point_stood(self, message: str) -> None:
        resolver = Resolver()
        own = Message("user", [Text("a"), CachePoint("1h")])
        found = resolver.heal(resolver.resolve(asking(HAIKU, own)), no(message))
        assert found is not None
        assert found[1] == []

    def test_by_what_stood_beside_it(self, resolver: Resolver) -> None:
        call = resolver.resolve(asking(GPT_OSS, parameters=Parameters(temperature=0.3, reasoning_effort="high")))
        found = resolver.heal(call, no("temperature is not supported with reasoning_effort"))
        assert found is not None
        assert found[1] == []

    @pytest.mark.parametrize(
        "field",
        [
            {"metadata": {"temperature": "warm"}},
            {"tools": [Tool("f", None, {"type": "object", "properties": {"Temperature": {}}})]},
            {"converse_extras": {"additionalModelRequestFields": {"x": 1}}},
        ],
    )
    def test_by_words_that_may_be_their_own(self, resolver: Resolver, field: dict[str, Any]) -> None:
        call = resolver.resolve(asking(SONNET_4, parameters=Parameters(temperature=0.3), **field))
        self.unlearnt(call, "extraneous key [temperature] is not permitted", "temperature")

    def test_by_a_pair_in_their_own_words(self, resolver: Resolver) -> None:
        asked = asking(SONNET_4, parameters=Parameters(temperature=0.3, top_p=0.8), metadata={"top_p": "both"})
        self.unlearnt(resolver.resolve(asked), "temperature, top_p: both unknown", "top_p")

    def test_by_a_limit_in_their_own_words(self, resolver: Resolver) -> None:
        extras = {"additionalModelRequestFields": {"maximum tokens exceeds 1": 0}}
        call = resolver.resolve(asking(FUTURE, converse_extras=extras))
        found = resolver.heal(call, no("extraneous key [maximum tokens exceeds 1] is not permitted"))
        assert found is not None
        again, rules = found
        assert (again.sent["max_tokens"], rules) == (1, [])

    def test_while_the_words_of_a_prompt_do_not_count(self, resolver: Resolver) -> None:
        asked = asking(SONNET_4, user("What is the temperature outside?"), parameters=Parameters(temperature=0.3))
        healed(resolver, resolver.resolve(asked), DEPRECATED)
        assert "temperature" not in resolver.resolve(asked).sent


def test_a_store_that_fails_to_load_is_no_trouble() -> None:
    class Down(InMemoryParameterRules):
        def load(self) -> dict[str, dict[str, float]]:
            raise UpstreamUnavailable("table not reachable")

    resolver = Resolver(rules=Down())
    resolver.settle()
    assert resolver.resolve(asking(HAIKU, user("hi"))).sent


def test_rules_learnt_on_many_threads_at_once_are_all_kept(resolver: Resolver) -> None:
    models = [f"anthropic.claude-future-{i}" for i in range(40)]

    def learn(model: str) -> None:
        healed(resolver, resolved(resolver, model, temperature=0.3), no("temperature is deprecated for this model."))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(learn, models))
    assert [model for model in models if "temperature" in resolved(resolver, model, temperature=0.3).sent] == []
    assert sorted(model for model, *_ in resolver.pending_rules()) == sorted(models)

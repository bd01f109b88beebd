from __future__ import annotations

from typing import Any

import pytest

from slipstream.chat.request import Options, Parameters, Tool, ToolChoice, UseCase
from slipstream.errors import InvalidRequest
from slipstream.models.resolve import Resolver
from slipstream.models.resolved import ResolvedCall

from .conftest import GPT_55, GPT_OSS, HAIKU, LLAMA, NOVA_2, NOVA_PRO, OPUS_55, SONNET_4, asking


def sent(model: str, use_case: UseCase | None = None, **parameters: Any) -> dict[str, Any]:
    return resolved(model, use_case, **parameters).sent


def resolved(model: str, use_case: UseCase | None = None, **parameters: Any) -> ResolvedCall:
    request = asking(model, parameters=Parameters(**parameters), options=Options(use_case=use_case))
    return Resolver().resolve(request)


def told(call: ResolvedCall, *words: str) -> bool:
    return any(all(word in note for word in words) for note in call.notes)


@pytest.mark.parametrize(
    ("use_case", "expected"),
    [
        ("extraction", {"temperature": 0.0, "top_p": 0.1, "top_k": 1, "max_tokens": 1024}),
        ("classification", {"temperature": 0.0, "top_p": 0.1, "top_k": 1, "max_tokens": 128}),
        ("summarization", {"temperature": 0.3, "top_p": 0.5, "top_k": 50, "max_tokens": 1024}),
        ("creative", {"temperature": 0.8, "top_p": 0.9, "top_k": 200, "max_tokens": 4096}),
        ("code", {"temperature": 0.2, "top_p": 0.3, "top_k": 40, "max_tokens": 8192}),
        ("chat", {"temperature": 0.5, "top_p": 0.7, "top_k": 100, "max_tokens": 2048}),
    ],
)
def test_a_use_case_sets_what_the_documented_table_says(use_case: UseCase, expected: dict[str, Any]) -> None:
    assert sent(SONNET_4, use_case) == expected


def test_a_preset_drops_top_p_where_the_model_takes_only_one_of_the_two() -> None:
    call = resolved(HAIKU, "summarization")
    assert call.sent["temperature"] == 0.3
    assert "top_p" not in call.sent
    assert told(call, "top_p", "together")


def test_a_preset_drops_sampling_where_the_model_rejects_it_and_says_so() -> None:
    call = resolved(OPUS_55, "chat")
    assert set(call.sent) == {"max_tokens"}
    assert told(call, "rejects sampling parameters")


def test_a_preset_leaves_out_top_k_where_a_model_has_none() -> None:
    assert set(sent(LLAMA, "chat")) == {"temperature", "top_p", "max_tokens"}


def test_a_presets_top_k_is_fitted_to_the_models_range() -> None:
    assert sent(NOVA_PRO, "creative")["top_k"] == 128


def test_a_presets_max_tokens_is_clamped_to_what_the_model_writes() -> None:
    assert sent("meta.llama3-8b-instruct-v1:0", "code")["max_tokens"] == 2048


def test_a_model_that_thinks_by_itself_gets_room_for_it_beside_the_presets_answer() -> None:
    assert sent(OPUS_55, "classification")["max_tokens"] == 128 + 12288


def test_the_callers_own_values_win_over_the_preset() -> None:
    out = sent(SONNET_4, "extraction", temperature=0.9, max_tokens=77)
    assert (out["temperature"], out["top_p"], out["max_tokens"]) == (0.9, 0.1, 77)


def test_the_presets_top_k_does_not_undo_the_callers_sampling() -> None:
    assert "top_k" not in sent(SONNET_4, "extraction", temperature=0.9)


def test_the_callers_top_p_pushes_the_presets_temperature_out_where_only_one_fits() -> None:
    out = sent(HAIKU, "chat", top_p=0.95)
    assert out["top_p"] == 0.95
    assert "temperature" not in out


def test_the_callers_own_rejected_pair_is_reduced_and_told() -> None:
    call = resolved(HAIKU, temperature=0.4, top_p=0.9)
    assert call.sent["temperature"] == 0.4
    assert "top_p" not in call.sent
    assert told(call, "top_p left out", "together")


def test_the_callers_own_sampling_is_left_out_and_told_where_the_model_rejects_all_of_it() -> None:
    call = resolved(OPUS_55, temperature=0.4, top_k=10)
    assert set(call.sent) == {"max_tokens"}
    assert told(call, "temperature left out")
    assert told(call, "top_k left out")


def test_without_a_use_case_only_the_callers_own_parameters_go_out() -> None:
    assert sent(HAIKU, temperature=0.4, max_tokens=10, stop=["END"]) == {
        "temperature": 0.4,
        "max_tokens": 10,
        "stop": ["END"],
    }


def test_an_unset_max_tokens_is_sent_as_4096_and_the_reason_given() -> None:
    call = resolved(HAIKU)
    assert call.sent == {"max_tokens": 4096}
    assert told(call, "4096", "quota")


@pytest.mark.parametrize(
    ("parameters", "param"),
    [
        ({"max_tokens": 64_001}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": 1.5}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": 1.01}, "top_p"),
        ({"top_k": 501}, "top_k"),
        ({"reasoning_effort": "enormous"}, "reasoning_effort"),
    ],
)
def test_a_value_that_the_model_cannot_take_is_refused_by_name(parameters: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        resolved(HAIKU, **parameters)
    assert caught.value.param == param


def test_more_stop_sequences_than_the_model_takes_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="at most 4") as caught:
        resolved(NOVA_PRO, stop=["a", "b", "c", "d", "e"])
    assert caught.value.param == "stop"


def test_stop_sequences_that_a_model_rejects_are_left_out_and_told() -> None:
    call = resolved(LLAMA, stop=["END"])
    assert "stop" not in call.sent
    assert told(call, "stop left out")


def test_top_k_travels_in_the_field_that_the_family_knows() -> None:
    assert resolved(HAIKU, top_k=5).top_k_field == "top_k"
    assert resolved(NOVA_PRO, top_k=5).top_k_field == "inferenceConfig.topK"


def test_an_unlisted_models_limit_is_left_to_bedrock() -> None:
    assert sent("anthropic.claude-future-1-v1:0", max_tokens=500_000)["max_tokens"] == 500_000


class TestReasoning:
    def test_an_older_claude_gets_a_budget_inside_a_larger_max_tokens(self) -> None:
        call = resolved(HAIKU, reasoning_effort="medium")
        assert call.reasoning_fields == {"thinking": {"type": "enabled", "budget_tokens": 8192}}
        assert call.sent == {"max_tokens": 4096 + 8192, "reasoning_effort": "medium"}

    def test_a_budget_never_reaches_the_callers_own_max_tokens(self) -> None:
        call = resolved(HAIKU, reasoning_effort="high", max_tokens=3000)
        assert call.reasoning_fields["thinking"]["budget_tokens"] == 2999

    def test_a_max_tokens_too_small_for_any_thinking_wins_over_the_effort(self) -> None:
        call = resolved(HAIKU, reasoning_effort="high", max_tokens=1000)
        assert call.reasoning_fields == {}
        assert "reasoning_effort" not in call.sent
        assert told(call, "reasoning_effort left out", "1024")

    def test_sampling_gives_way_to_an_older_claudes_thinking(self) -> None:
        call = resolved(HAIKU, reasoning_effort="low", temperature=0.2)
        assert "temperature" not in call.sent
        assert told(call, "temperature left out", "thinking")

    def test_a_forced_tool_wins_over_an_older_claudes_thinking(self) -> None:
        request = asking(
            HAIKU,
            tools=[Tool("f", None, {"type": "object"})],
            tool_choice=ToolChoice("any"),
            parameters=Parameters(reasoning_effort="low"),
        )
        call = Resolver().resolve(request)
        assert call.request.tool_choice == ToolChoice("any")
        assert call.reasoning_fields == {}
        assert told(call, "reasoning_effort left out", "forced")

    def test_a_newer_model_gets_the_effort_itself(self) -> None:
        call = resolved(OPUS_55, reasoning_effort="xhigh")
        assert call.sent["reasoning_effort"] == "xhigh"
        assert call.reasoning_fields == {}

    def test_an_effort_that_the_model_lacks_becomes_the_nearest_and_is_told(self) -> None:
        assert sent(GPT_OSS, reasoning_effort="xhigh")["reasoning_effort"] == "high"
        call = resolved(GPT_OSS, reasoning_effort="minimal")
        assert call.reasoning_fields == {"reasoning_effort": "low"}
        assert told(call, "'low' sent instead of 'minimal'")

    def test_none_is_sent_only_where_the_model_knows_it(self) -> None:
        assert sent(GPT_55, reasoning_effort="none")["reasoning_effort"] == "none"
        assert "reasoning_effort" not in sent(HAIKU, reasoning_effort="none")
        call = resolved(OPUS_55, reasoning_effort="none")
        assert "reasoning_effort" not in call.sent
        assert told(call, "no such effort")

    def test_nova_sets_its_own_length_and_sampling_at_high_effort(self) -> None:
        call = resolved(NOVA_2, reasoning_effort="high", temperature=0.2, max_tokens=100)
        assert call.sent == {"reasoning_effort": "high"}
        assert call.reasoning_fields == {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}

    def test_a_model_that_does_not_reason_is_not_asked_to(self) -> None:
        call = resolved(NOVA_PRO, reasoning_effort="high")
        assert "reasoning_effort" not in call.sent
        assert told(call, "reasoning_effort left out")


def test_a_resolved_calls_parameters_are_its_own() -> None:
    resolver = Resolver()
    resolver.resolve(asking(HAIKU)).sent["temperature"] = 99
    assert "temperature" not in resolver.resolve(asking(HAIKU)).sent

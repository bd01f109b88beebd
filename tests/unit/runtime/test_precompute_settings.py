import pytest

from slipstream.caching.precompute.value import Worth
from slipstream.chat.request import ChatRequest, Parameters, Text
from slipstream.errors import SlipstreamError
from slipstream.models.resolve import Resolver
from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.precompute_parts import (
    PrecomputeSettings,
    build_planning,
    price_by,
    read_precompute_settings,
)  # fmt: skip
from slipstream.runtime.settings import read_settings

DAY_S = 86_400.0


def test_every_choice_is_read() -> None:
    environ = {
        "SLIPSTREAM_PRECOMPUTE_ANSWERS": "50",
        "SLIPSTREAM_PRECOMPUTE_BUDGET_USD": "2.5",
        "SLIPSTREAM_PRECOMPUTE_MIN_USERS": "3",
        "SLIPSTREAM_PRECOMPUTE_PER_MINUTE": "30",
        "SLIPSTREAM_PRECOMPUTE_HOLDS_S": "90000",
        "SLIPSTREAM_PRECOMPUTE_MACHINE_ARN": "arn:aws:states:eu-west-1:1:stateMachine:m",
        "SLIPSTREAM_QUERY_LOG_DAYS": "30",
    }
    assert read_precompute_settings(environ) == PrecomputeSettings(
        answers=50, budget_usd=2.5, min_users=3, per_minute=30, holds_s=90_000, log_days=30,
        machine_arn="arn:aws:states:eu-west-1:1:stateMachine:m",
    )  # fmt: skip
    assert read_precompute_settings({}) == PrecomputeSettings()


@pytest.mark.parametrize(
    ("name", "value"),
    [("ANSWERS", "0"), ("BUDGET_USD", "-1"), ("MIN_USERS", "65"), ("PER_MINUTE", "0"), ("HOLDS_S", "60")],
)
def test_a_choice_that_cannot_be_is_told_by_its_name(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"SLIPSTREAM_PRECOMPUTE_{name} must be"):
        read_precompute_settings({f"SLIPSTREAM_PRECOMPUTE_{name}": value})


def test_without_a_cache_there_is_nothing_to_fill() -> None:
    with pytest.raises(BadSetting, match="SLIPSTREAM_CACHE is not on"):
        build_planning(read_settings({"AWS_REGION": "us-east-1"}), {})


def worth(**fields: object) -> Worth:
    bare = ChatRequest(messages=[], **({"model": "fast"} | fields))  # type: ignore[arg-type]
    return price_by(Resolver(), DAY_S)(bare).worth("How often?", 1.0)


def test_an_answer_over_an_index_costs_its_models_price_with_passages() -> None:
    assert worth(model="rag:docs@fast").cost_usd > worth().cost_usd
    assert worth(model="rag:docs").cost_usd == worth(model="rag:docs@balanced").cost_usd


def test_what_is_sent_besides_the_question_and_what_may_come_back_are_in_the_price() -> None:
    assert worth(system=[Text("x" * 4000)]).cost_usd > worth().cost_usd
    assert worth(parameters=Parameters(max_tokens=10)).cost_usd < worth().cost_usd


def test_a_model_that_is_not_known_has_no_price() -> None:
    with pytest.raises(SlipstreamError, match="no model or alias"):
        worth(model="vendor.unheard-of-v1:0")

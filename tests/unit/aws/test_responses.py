"""What the Responses dialect refuses to carry."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from slipstream.aws import responses
from slipstream.chat.request import ChatRequest, Message, Text
from slipstream.errors import InvalidRequest
from slipstream.models.resolved import ResolvedCall


def call(**extras: Any) -> ResolvedCall:
    request = ChatRequest(model="gpt", messages=[Message("user", [Text("hello")])], converse_extras=extras)
    return ResolvedCall(request=request, target_id="openai.gpt-5.4", model_id="openai.gpt-5.4", sent={"max_tokens": 5})


@pytest.mark.parametrize(
    "field", ["model", "store", "stream", "input", "previous_response_id", "background", "max_output_tokens"]
)
def test_a_caller_cannot_change_what_the_gateway_decides(field: str) -> None:
    with pytest.raises(InvalidRequest, match=f"may not hold '{field}'") as refused:
        responses.encode(call(additionalModelRequestFields={field: "other"}))
    assert refused.value.param == f"additionalModelRequestFields.{field}"


@pytest.mark.parametrize("name", ["guardrailConfig", "promptVariables", "additionalModelResponseFieldPaths"])
def test_what_only_converse_can_carry_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidRequest, match=name) as refused:
        responses.encode(call(**{name: {"a": 1}}))
    assert refused.value.param == name


def test_other_fields_of_the_model_travel_along() -> None:
    body = msgspec.json.decode(responses.encode(call(additionalModelRequestFields={"verbosity": "low"})))
    assert body["verbosity"] == "low"
    assert (body["model"], body["store"], body["stream"]) == ("openai.gpt-5.4", False, True)


def named(target_id: str) -> ResolvedCall:
    return msgspec.structs.replace(call(), target_id=target_id)


def test_a_foundation_models_arn_goes_out_as_the_id_that_the_endpoint_knows() -> None:
    body = msgspec.json.decode(responses.encode(named("arn:aws:bedrock:us-west-2::foundation-model/openai.gpt-5.4")))
    assert body["model"] == "openai.gpt-5.4"


@pytest.mark.parametrize("kind", ["inference-profile/us.openai.gpt-5.4", "application-inference-profile/a1"])
def test_a_profile_is_refused_with_the_name_to_use_instead(kind: str) -> None:
    with pytest.raises(InvalidRequest, match=r"us-west-2::foundation-model/openai\.gpt-5\.4") as refused:
        responses.encode(named(f"arn:aws:bedrock:us-west-2:123456789012:{kind}"))
    assert refused.value.param == "model"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("max_output_tokens", "max_tokens"),
        ("reasoning.effort", "reasoning_effort"),
        ("text.format.schema", "response_format"),
        ("input[3].content[0]", "messages"),
        ("inputs", "inputs"),
        ("temperature", "temperature"),
    ],
)
def test_the_endpoints_field_names_are_turned_into_ours(theirs: str, ours: str) -> None:
    assert responses.param_of(theirs) == ours

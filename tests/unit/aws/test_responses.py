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


@pytest.mark.parametrize(
    "name", ["guardrailConfig", "promptVariables", "outputConfig", "additionalModelResponseFieldPaths"]
)
def test_what_only_converse_can_carry_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidRequest, match=name) as refused:
        responses.encode(call(**{name: {"a": 1}}))
    assert refused.value.param == name


def test_other_fields_of_the_model_travel_along() -> None:
    body = msgspec.json.decode(responses.encode(call(additionalModelRequestFields={"verbosity": "low"})))
    assert body["verbosity"] == "low"
    assert (body["model"], body["store"], body["stream"]) == ("openai.gpt-5.4", False, True)

"""An ARN names its region, and nothing else does."""

from __future__ import annotations

import pytest

from slipstream.chat.request import ChatRequest, Message, Options, Text
from slipstream.errors import InvalidRequest
from slipstream.models.catalogue import load
from slipstream.models.identifiers import region_of
from slipstream.models.resolve import Resolver
from slipstream.models.resolved import ResolvedCall

PRO = "amazon.nova-pro-v1:0"


def resolve(model: str, **options: str) -> ResolvedCall:
    request = ChatRequest(
        model=model, messages=[Message("user", [Text("hi")])], options=Options(**options)  # type: ignore[arg-type]
    )  # fmt: skip
    aliases = {"abroad": f"arn:aws:bedrock:eu-west-3::foundation-model/{PRO}"}
    return Resolver(load(), aliases, region="us-east-1").resolve(request)


@pytest.mark.parametrize(
    ("identifier", "region"),
    [
        (PRO, None),
        (f"us.{PRO}", None),
        (f"arn:aws:bedrock:eu-west-3::foundation-model/{PRO}", "eu-west-3"),
        (f"arn:aws-us-gov:bedrock:us-gov-west-1:1:inference-profile/us-gov.{PRO}", "us-gov-west-1"),
        ("arn:aws:bedrock:ap-southeast-2:1:application-inference-profile/a1", "ap-southeast-2"),
        (f"arn:aws:bedrock:::foundation-model/{PRO}", None),
    ],
)
def test_the_region_is_the_arns(identifier: str, region: str | None) -> None:
    assert region_of(identifier) == region


@pytest.mark.parametrize(
    "region", ["x.evil.example/", "us-east-1.evil", "US-EAST-1", "us east", "us@evil", "a" * 33, "é"]
)
def test_what_would_lead_a_call_to_another_host_is_no_region(region: str) -> None:
    with pytest.raises(InvalidRequest, match="is no AWS region") as refused:
        resolve(f"arn:aws:bedrock:{region}::foundation-model/{PRO}")
    assert refused.value.param == "model"


def test_an_alias_may_lead_to_another_region() -> None:
    assert (resolve("abroad").region, resolve(PRO).region) == ("eu-west-3", None)


def test_what_a_region_offers_is_judged_by_the_region_that_is_called() -> None:
    (at_home, *_) = next(model for model in load().list() if model.id == PRO).latency_optimized
    assert resolve(f"arn:aws:bedrock:{at_home}::foundation-model/{PRO}", latency="optimized").latency == "optimized"
    abroad = resolve("abroad", latency="optimized")
    assert abroad.latency is None
    assert any("in eu-west-3" in note for note in abroad.notes)

from __future__ import annotations

import pytest

from slipstream.chat.request import ChatRequest
from slipstream.errors import InvalidRequest, ModelNotFound, UpstreamUnavailable
from slipstream.fakes.profiles import InMemoryProfiles
from slipstream.models.calling import callable_id
from slipstream.models.resolve import Resolver

from .conftest import HAIKU, asking

OWN_PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4"


def test_an_alias_stands_for_its_model() -> None:
    call = Resolver(aliases={"fast": "us.amazon.nova-lite-v1:0"}).resolve(asking("fast"))
    assert (call.target_id, call.model_id) == ("us.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0")


def test_the_shipped_aliases_name_listed_models() -> None:
    for alias in ("fast", "balanced", "best"):
        assert Resolver().target(alias).model.known


def test_an_alias_of_an_alias_is_refused_when_the_resolver_is_built() -> None:
    with pytest.raises(ValueError, match="alias 'a' names the alias 'b'"):
        Resolver(aliases={"a": "b", "b": HAIKU})


def test_an_unknown_name_is_told_the_nearest_ones_and_the_aliases() -> None:
    with pytest.raises(
        ModelNotFound, match=r"did you mean .*claude-sonnet-4-6.*aliases: balanced, best, fast"
    ) as caught:
        Resolver().resolve(asking("claude-sonnet-4-6-latest"))
    assert caught.value.param == "model"


def test_the_nearest_names_are_ids_that_can_be_called_from_the_gateways_region() -> None:
    with pytest.raises(ModelNotFound, match=r"did you mean eu\.anthropic\.claude-sonnet-4-6"):
        Resolver(region="eu-west-1").resolve(asking("claude-sonnet-4-6-latest"))


@pytest.mark.parametrize(
    ("region", "called"),
    [
        ("us-west-2", "us"), ("eu-north-1", "eu"), ("ap-northeast-1", "jp"), ("ap-southeast-2", "au"),
        ("ap-south-1", "global"), ("sa-east-1", "global"), ("ca-central-1", "us"),
    ],
)  # fmt: skip
def test_a_model_without_on_demand_throughput_is_called_by_its_nearest_profile(region: str, called: str) -> None:
    model = Resolver().target("anthropic.claude-sonnet-4-6").model
    assert callable_id(model, region) == f"{called}.anthropic.claude-sonnet-4-6"


def test_a_very_long_name_is_not_found_and_not_repeated_whole() -> None:
    with pytest.raises(ModelNotFound) as caught:
        Resolver().resolve(asking("x" * 100_000))
    assert len(caught.value.message) < 1000


def test_an_unlisted_model_is_passed_through_with_a_note() -> None:
    call = Resolver().resolve(asking("us.anthropic.claude-future-1-v1:0"))
    assert call.target_id == "us.anthropic.claude-future-1-v1:0"
    assert call.price is None
    assert any("not in the catalogue" in note for note in call.notes)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
        f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{HAIKU}",
        "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us-gov.anthropic.claude-haiku-4-5-20251001-v1:0",
    ],
)
def test_an_arn_that_names_its_model_needs_no_look_up(arn: str) -> None:
    profiles = InMemoryProfiles()
    call = Resolver(profiles=profiles).resolve(asking(arn))
    assert (call.target_id, call.model_id) == (arn, "anthropic.claude-haiku-4-5-20251001-v1:0")
    assert profiles.lookups == []


def test_an_application_profile_is_looked_up_once_and_remembered() -> None:
    profiles = InMemoryProfiles({OWN_PROFILE: "amazon.nova-pro-v1:0"})
    resolver = Resolver(profiles=profiles)
    calls = [resolver.resolve(asking(OWN_PROFILE)) for _ in range(3)]
    assert {(call.target_id, call.model_id) for call in calls} == {(OWN_PROFILE, "amazon.nova-pro-v1:0")}
    assert profiles.lookups == [OWN_PROFILE]


def test_an_alias_may_stand_for_an_application_profile() -> None:
    resolver = Resolver(aliases={"mine": OWN_PROFILE}, profiles=InMemoryProfiles({OWN_PROFILE: HAIKU}))
    assert resolver.resolve(asking("mine")).target_id == OWN_PROFILE


def test_a_profile_that_does_not_exist_is_not_found() -> None:
    with pytest.raises(ModelNotFound):
        Resolver(profiles=InMemoryProfiles()).resolve(asking(OWN_PROFILE))


def test_a_failing_look_up_does_not_stop_the_call_and_is_tried_again() -> None:
    class Flaky(InMemoryProfiles):
        def model_of(self, profile_arn: str) -> str:
            found = super().model_of(profile_arn)
            if len(self.lookups) == 1:
                raise UpstreamUnavailable("not now")
            return found

    resolver = Resolver(profiles=Flaky({OWN_PROFILE: HAIKU}))
    first, second = resolver.resolve(asking(OWN_PROFILE)), resolver.resolve(asking(OWN_PROFILE))
    assert first.target_id == OWN_PROFILE
    assert any("could not be looked up" in note for note in first.notes)
    assert second.model_id == "anthropic.claude-haiku-4-5-20251001-v1:0"


@pytest.mark.parametrize(
    "kind",
    ["provisioned-model/abc123", "prompt-router/r1", "default-prompt-router/anthropic.claude:1", "imported-model/x"],
)
def test_what_no_record_describes_is_called_with_cautious_defaults(kind: str) -> None:
    arn = f"arn:aws:bedrock:us-east-1:123456789012:{kind}"
    call = Resolver().resolve(asking(arn))
    assert call.target_id == arn
    assert any("cautious defaults" in note for note in call.notes)


@pytest.mark.parametrize(
    "arn", ["arn:aws:s3:::bucket/key", "arn:", "arn:aws:bedrock:us-east-1:1:foundation-model", "arn:aws:bedrock:::x/"]
)
def test_a_foreign_arn_is_refused_with_an_example(arn: str) -> None:
    with pytest.raises(InvalidRequest, match=r"expected e\.g\. arn:aws:bedrock") as caught:
        Resolver().resolve(asking(arn))
    assert caught.value.param == "model"


def test_an_embedding_model_cannot_chat() -> None:
    with pytest.raises(InvalidRequest, match="/v1/embeddings"):
        Resolver().resolve(asking("amazon.titan-embed-text-v2:0"))


def test_what_an_embedding_model_is_can_be_asked_without_any_message() -> None:
    call = Resolver().resolve(ChatRequest(model="amazon.titan-embed-text-v2:0", messages=[]))
    assert call.model_id == "amazon.titan-embed-text-v2:0"
    assert call.price is not None


def test_a_geographic_profile_costs_a_tenth_more_than_the_global_one_where_the_provider_says_so() -> None:
    resolver = Resolver()
    prices = [
        resolver.resolve(asking(f"{geo}.anthropic.claude-sonnet-4-5-20250929-v1:0")).price for geo in ("global", "us")
    ]
    assert [price and price.input for price in prices] == [3.0, 3.3]


def test_the_deploy_settings_price_replaces_the_catalogues() -> None:
    call = Resolver(prices={"amazon.nova-pro-v1:0": {"input": 1.5, "output": 6}}).resolve(
        asking("us.amazon.nova-pro-v1:0")
    )
    assert call.price is not None
    assert (call.price.input, call.price.output, call.price.source) == (1.5, 6.0, "deploy settings")


def test_a_price_that_is_none_is_refused_by_the_models_name() -> None:
    with pytest.raises(ValueError, match=r"price of a\.b: .*output"):
        Resolver(prices={"a.b": {"input": 1}})

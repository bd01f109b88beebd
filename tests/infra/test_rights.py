import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.tour import TOUR
from slipstream.models.aliases import DEFAULT_ALIASES
from slipstream.models.catalogue import load
from stacks.constructs.model_access import behind_profile, model_arns
from stacks.settings import DeploySettings
from tests.infra.conftest import VARIANTS, synthesize
from tests.infra.template import Template, listed, text

Get = Callable[..., Template]
EC2 = "ec2:"  # interfaces of a function in a VPC, which do not exist yet


def statements(template: Get, variant: str) -> Iterator[dict[str, Any]]:
    """Of all functions, whichever stack they are in."""
    yield from template(variant).statements()
    if VARIANTS[variant].get("search"):
        yield from template(variant, "Search").statements()
    if VARIANTS[variant].get("cache") != "off":
        yield from template(variant, "Precompute").statements()


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_role_may_do_everything_or_act_on_everything(template: Get, variant: str) -> None:
    for statement in statements(template, variant):
        actions = listed(statement["Action"])
        assert not [action for action in actions if "*" in action]
        if not all(action.startswith(EC2) for action in actions):
            assert "*" not in listed(statement["Resource"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_wildcard_stands_for_a_named_models_region_or_for_what_is_in_something_named(
    template: Get, variant: str
) -> None:
    below = "/answers/*", "/precompute/*", ":execution:slipstream-"
    allowed = ":bedrock:*::foundation-model/", ":domain/slipstream-", "Documents", *below
    for statement in statements(template, variant):
        for resource in listed(statement["Resource"]):
            written = text(resource)
            if "*" in written and resource != "*":
                assert any(name in written for name in allowed)
                assert written.count("*") == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_model_of_whichever_region_may_be_called_through_a_granted_profile_only(template: Get, variant: str) -> None:
    for statement in template(variant).statements():
        if ":bedrock:*::foundation-model/" in text(statement["Resource"]):
            profiles = statement["Condition"]["ArnEquals"]["bedrock:InferenceProfileArn"]
            assert profiles
            assert all(":inference-profile/" in text(profile) for profile in listed(profiles))


class InIreland:
    partition, region, account = "aws", "eu-west-1", "1"


def arns(model: str) -> list[str]:
    return model_arns(model, InIreland())  # type: ignore[arg-type]


def test_a_models_arns_follow_from_its_id() -> None:
    assert arns("amazon.titan-embed-text-v2:0") == [
        "arn:aws:bedrock:eu-west-1::foundation-model/amazon.titan-embed-text-v2:0"
    ]
    assert arns("eu.amazon.nova-lite-v1:0") == [
        "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0",
    ]
    assert behind_profile("eu.amazon.nova-lite-v1:0", InIreland()) == [  # type: ignore[arg-type]
        "arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0"
    ]
    assert arns("global.a.b") == [
        "arn:aws:bedrock:eu-west-1:1:inference-profile/global.a.b",
        "arn:aws:bedrock:eu-west-1::foundation-model/a.b",
        "arn:aws:bedrock:::foundation-model/a.b",
    ]
    system_profile = "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.a.b"
    assert arns(system_profile) == [system_profile, "arn:aws:bedrock:eu-west-1::foundation-model/a.b"]
    assert arns("arn:aws:bedrock:eu-west-1:1:application-inference-profile/x") == [
        "arn:aws:bedrock:eu-west-1:1:application-inference-profile/x"
    ]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("arn:aws:bedrock:us-west-2::foundation-model/a.b", ["arn:aws:bedrock:us-west-2::foundation-model/a.b"]),
        (
            "arn:aws:bedrock:us-west-2:1:inference-profile/us.a.b",
            [
                "arn:aws:bedrock:us-west-2:1:inference-profile/us.a.b",
                "arn:aws:bedrock:us-west-2::foundation-model/a.b",
            ],
        ),
        (
            "arn:aws:bedrock:us-west-2:1:inference-profile/global.a.b",
            [
                "arn:aws:bedrock:us-west-2:1:inference-profile/global.a.b",
                "arn:aws:bedrock:us-west-2::foundation-model/a.b",
                "arn:aws:bedrock:::foundation-model/a.b",
            ],
        ),
    ],
)
def test_an_arn_is_granted_in_the_region_that_it_names(model: str, expected: list[str]) -> None:
    assert arns(model) == expected


def test_a_responses_only_model_of_another_region_is_granted_in_that_regions_project(tmp_path: Path) -> None:
    named = "arn:aws:bedrock:us-west-2::foundation-model/openai.gpt-5.5"
    synthesize({"models": f"{named},arn:aws:bedrock:eu-west-3::foundation-model/amazon.nova-lite-v1:0"}, tmp_path)
    (path,) = tmp_path.glob("*-Gateway.template.json")
    (statement,) = (s for s in Template(json.loads(path.read_text())).statements() if s.get("Sid") == "CallMantle")
    own, other = sorted(text(arn) for arn in statement["Resource"])
    assert "us-west-2" in own + other
    assert "AWS::Region" in own + other
    assert "eu-west-3" not in own + other


def test_only_the_chat_function_may_call_models_and_only_those_of_the_settings(template: Get) -> None:
    called = [s for s in template().statements() if any(a.startswith("bedrock:Invoke") for a in listed(s["Action"]))]
    assert {s["Sid"] for s in called} == {"CallModels", "CallBehindProfiles"}
    resources = [resource for statement in called for resource in listed(statement["Resource"])]
    models = {text(resource).rpartition("/")[2].rstrip('"]}') for resource in resources}
    assert models == {
        "amazon.titan-embed-text-v2:0",
        "amazon.nova-pro-v1:0",
        "us.amazon.nova-pro-v1:0",
        *(name.removeprefix("global.") for name in DEFAULT_ALIASES.values()),
        *DEFAULT_ALIASES.values(),
    }


def test_the_authorizer_may_read_keys_and_write_nothing(template: Get) -> None:
    (policy,) = (p for p in template().all("AWS::IAM::Policy").values() if "AuthorizerRole" in text(p["Roles"]))
    actions = {a for s in policy["PolicyDocument"]["Statement"] for a in listed(s["Action"])}
    assert actions == {
        "dynamodb:GetItem", "secretsmanager:GetSecretValue", "logs:CreateLogStream", "logs:PutLogEvents",
    }  # fmt: skip


def of_chat(template: Get, variant: str = "prod") -> list[dict[str, Any]]:
    policies = [p for p in template(variant).all("AWS::IAM::Policy").values() if "ChatRole" in text(p["Roles"])]
    return [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]


def test_the_chat_function_may_do_with_the_table_of_rules_what_it_does_and_no_more(template: Get) -> None:
    rules = [s for s in of_chat(template) if "StateTable" in text(s["Resource"])]
    assert [set(listed(s["Action"])) for s in rules] == [{"dynamodb:PutItem", "dynamodb:Query"}]


def test_the_chat_function_may_look_keep_and_end_answers_but_not_list_the_table(template: Get) -> None:
    (items,) = (s for s in of_chat(template) if "AnswersTable" in text(s["Resource"]))
    assert set(listed(items["Action"])) == {
        f"dynamodb:{action}"
        for action in (
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query",
            "UpdateItem",
        )
    }
    objects = {a: text(s["Resource"]) for s in of_chat(template) for a in listed(s["Action"]) if a.startswith("s3:")}
    listing = objects.pop("s3:ListBucket")
    assert "/*" not in listing
    assert set(objects) == {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}
    assert all("/answers/*" in resource for resource in objects.values())


def test_without_a_cache_there_is_no_table_of_answers_and_no_right_to_one(template: Get) -> None:
    assert len(template("bare", "Data").all("AWS::DynamoDB::Table")) == 2
    assert not [s for s in of_chat(template, "bare") if any(a.startswith("s3:") for a in listed(s["Action"]))]


def test_the_keys_function_may_empty_this_stages_authorizer_cache(template: Get) -> None:
    (statement,) = (s for s in template().statements() if "apigateway:DELETE" in listed(s["Action"]))
    assert text(statement["Resource"]).endswith('/stages/prod/cache/authorizers"]]}')


def test_a_table_under_our_own_key_can_be_read_by_the_functions_that_use_it(template: Get) -> None:
    deciphering = [s for s in template("private").statements() if "kms:Decrypt" in listed(s["Action"])]
    assert len(deciphering) == 4
    background = [s for s in template("private", "Precompute").statements() if "kms:Decrypt" in listed(s["Action"])]
    assert len(background) == 4  # three functions, and the machine that reads a plan


def test_the_shipped_aliases_are_global_profiles_that_the_catalogue_lists() -> None:
    for name in DEFAULT_ALIASES.values():
        model = load().find(name)
        assert model is not None
        assert name == f"global.{model.id}"
        assert "global" in model.prefixes


def test_what_the_demonstration_asks_is_granted_by_default() -> None:
    asked = {str(body["model"]) for stop in TOUR for body in (stop.body("", stop.changes), stop.body("", stop.without))}
    settings = DeploySettings()
    assert asked <= {*settings.aliases, *settings.callable_models}


def test_profiles_are_looked_up_and_responses_only_models_called_by_exact_name(template: Get) -> None:
    by_sid = {s.get("Sid"): s for s in template().statements()}
    profiles = [text(arn) for arn in listed(by_sid["ResolveProfiles"]["Resource"])]
    assert all("inference-profile/" in arn and "*" not in arn for arn in profiles)
    assert text(by_sid["CallMantle"]["Resource"]).endswith(':project/default"]]}')
    assert "bedrock:CountTokens" in by_sid["CallModels"]["Action"]


def test_a_re_ranking_model_is_granted_by_name_and_told_to_the_chat_function(tmp_path: Path) -> None:
    model = "arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0"
    synthesize({"rerank_model": model}, tmp_path)
    (path,) = tmp_path.glob("*-Gateway.template.json")
    made = Template(json.loads(path.read_text()))
    by_sid = {s.get("Sid"): s for s in made.statements()}
    assert (by_sid["CallReranker"]["Action"], by_sid["CallReranker"]["Resource"]) == ("bedrock:InvokeModel", model)
    everything = [s["Action"] for s in made.statements() if "*" in listed(s["Resource"])]
    assert everything == ["bedrock:Rerank"]
    told = [text(f.get("Environment")) for f in made.all("AWS::Lambda::Function").values()]
    assert [model in each for each in told].count(True) == 1


def test_without_the_setting_nothing_may_be_re_ranked(template: Get) -> None:
    assert not [s for s in template().statements() if "bedrock:Rerank" in listed(s["Action"])]

from typing import Any

import pytest

from tests.infra.template import Template, listed, text
from tests.infra.test_search import DEV, PROD, SEARCHING, Get, domain

STACKS = "Search", "Precompute", "Gateway"


def rights(template: Template, role: str) -> dict[str, list[str]]:
    """Action → the resources that a function's role may do it to, as text."""
    found: dict[str, list[str]] = {}
    for policy in template.all("AWS::IAM::Policy").values():
        if any(role in text(each) for each in policy["Roles"]):
            for statement in policy["PolicyDocument"]["Statement"]:
                for action in listed(statement["Action"]):
                    found.setdefault(action, []).extend(text(each) for each in listed(statement["Resource"]))
    return found


def paths(resources: list[str]) -> list[str]:
    """What stands behind the domain's name in ARNs."""
    return sorted(resource.partition(":domain/slipstream-prod")[2].rstrip('"]}') for resource in resources)


@pytest.mark.parametrize("variant", SEARCHING)
def test_the_domain_lets_in_five_named_roles_of_this_account_and_nobody_else(template: Get, variant: str) -> None:
    (statement,) = domain(template, variant)["AccessPolicies"]["Statement"]
    callers = statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]
    assert ":root" in text(statement["Principal"])
    assert len(callers) == 5
    named = [role["RoleName"] for stack in STACKS for role in _named_roles(template(variant, stack))]
    assert {_flat(caller).partition(":role/")[2] for caller in callers} == {_flat(name) for name in named}


def _named_roles(template: Template) -> list[dict[str, Any]]:
    return [role for role in template.all("AWS::IAM::Role").values() if "RoleName" in role]


def _flat(value: Any) -> str:
    """A join as one text, with its references by name."""
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return f"<{value['Ref']}>"
    return "".join(_flat(part) for part in value["Fn::Join"][1])


def test_the_chat_function_may_search_and_read_mappings_and_write_nothing(template: Get) -> None:
    found = {action: where for action, where in rights(template(DEV), "ChatRole").items() if action.startswith("es:")}
    assert found.keys() == {"es:ESHttpPost", "es:ESHttpGet"}
    assert paths(found["es:ESHttpPost"]) == ["/_msearch"]
    assert paths(found["es:ESHttpGet"]) == ["/*/_mapping"]


def test_loading_may_put_documents_in_and_out_and_makes_or_drops_no_index(template: Get) -> None:
    found = rights(template(DEV, "Search"), "IngestRole")
    assert {action for action in found if action.startswith("es:")} == {
        "es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost",
    }  # fmt: skip
    assert {action for action in found if action.startswith("s3:")} == {"s3:GetObject", "s3:ListBucket"}
    assert {action for action in found if action.startswith("dynamodb:")} == {
        "dynamodb:PutItem", "dynamodb:DeleteItem",  # failures
        "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:UpdateItem",  # marks on changed documents
        "dynamodb:Query",  # answers that an arriving document may end
    }  # fmt: skip


@pytest.mark.parametrize(("stack", "role"), [("Search", "IngestRole"), ("Gateway", "IndexesRole")])
def test_who_brings_documents_reads_what_would_end_an_answer_and_no_answer(
    template: Get, stack: str, role: str
) -> None:
    conditions = [
        statement["Condition"]
        for policy in template(DEV, stack).all("AWS::IAM::Policy").values()
        if any(role in text(each) for each in policy["Roles"])
        for statement in policy["PolicyDocument"]["Statement"]
        if {"dynamodb:Query", "dynamodb:BatchGetItem"} & set(listed(statement["Action"]))
        and "Answers" in text(statement["Resource"])
    ]
    keys = [["watch#*"], ["mark#*"]]
    assert conditions == [{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": each}} for each in keys]


def test_setting_up_may_ask_for_exactly_what_it_asks_for(template: Get) -> None:
    found = rights(template(DEV, "Search"), "SetupFunctionRole")
    assert paths(found["es:ESHttpGet"]) == ["/"]
    assert paths(found["es:ESHttpPut"]) == [
        "/_index_template/slipstream-documents",
        "/_search/pipeline/slipstream-normalization",
        "/_search/pipeline/slipstream-rank-fusion",
    ]
    assert paths(found["es:ESHttpDelete"]) == ["/_index_template/slipstream-generations"]


@pytest.mark.parametrize(("stack", "role"), [("Search", "IngestRole"), ("Gateway", "IndexesRole")])
def test_documents_are_embedded_with_embedding_models_alone(template: Get, stack: str, role: str) -> None:
    (model,) = rights(template(DEV, stack), role)["bedrock:InvokeModel"]
    assert "foundation-model/amazon.titan-embed-text-v2:0" in model


def test_a_replay_takes_from_the_dead_letters_and_gives_to_the_queue(template: Get) -> None:
    found = rights(template(DEV), "IndexesRole")
    assert all("DeadLetters" in where for where in found["sqs:ReceiveMessage"] + found["sqs:DeleteMessage"])
    assert all("Queue" in where and "DeadLetters" not in where for where in found["sqs:SendMessage"])


def test_with_fine_grained_access_the_setup_gives_each_function_its_role_inside_the_domain(template: Get) -> None:
    search = template(PROD, "Search")
    security = search.one("AWS::OpenSearchService::Domain")["AdvancedSecurityOptions"]
    assert security["Enabled"] is True
    assert security["InternalUserDatabaseEnabled"] is False
    assert "-setup-" in text(security["MasterUserOptions"]["MasterUserARN"])
    contents = search.one("AWS::CloudFormation::CustomResource")
    assert [_flat(each).partition(":role/")[2] for each in contents["readers"]] == [
        "slipstream-prod-chat-eu-west-1",
        "slipstream-prod-fill-eu-west-1",
    ]
    assert len(contents["writers"]) == 2
    assert "AdvancedSecurityOptions" not in domain(template, DEV)

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aws_cdk import App
from aws_cdk import aws_sqs as sqs
from cfnlint.api import ManualArgs, lint

from stacks.settings import DeploySettings
from stacks.slipstream import compose
from tests.infra.conftest import TEMPLATE_ONLY, VARIANTS, synthesize
from tests.infra.template import Template, text

Get = Callable[..., Template]
# W3005: the CDK makes a function wait for its role's policies, and so for the role a second time.
LINT = ManualArgs(regions=["eu-west-1"], ignore_checks=["W3005"])
Assembly = Callable[[str], Path]


def templates(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob("*.template.json")):
        yield path.name, path.read_text()


@pytest.mark.parametrize("variant", VARIANTS)
def test_cfn_lint_finds_nothing(assembly: Assembly, variant: str) -> None:
    for name, body in templates(assembly(variant)):
        findings = [str(match) for match in lint(body, config=LINT)]
        assert findings == [], name


def test_a_finding_that_nobody_acknowledged_fails_the_synth(tmp_path: Path) -> None:
    app = App(analytics_reporting=False, outdir=str(tmp_path), context=dict(TEMPLATE_ONLY))
    data, _ = compose(app, DeploySettings())
    sqs.Queue(data, "Careless")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()


def test_two_syntheses_are_equal_byte_for_byte(assembly: Assembly, tmp_path: Path) -> None:
    again = synthesize(VARIANTS["prod"], tmp_path)
    assert list(templates(again)) == list(templates(assembly("prod")))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_synth_asks_no_account_for_anything(assembly: Assembly, variant: str) -> None:
    manifest = json.loads((assembly(variant) / "manifest.json").read_text())
    assert not manifest.get("missing")


@pytest.mark.parametrize("stack", ["Data", "Precompute", "Gateway"])
def test_the_local_stage_has_every_kind_of_resource_that_production_has(template: Get, stack: str) -> None:
    assert template("local", stack).kinds() == template("prod", stack).kinds()


def test_production_keeps_keys_and_pepper_and_the_local_stage_nothing(template: Get) -> None:
    for variant, policy in (("prod", "Retain"), ("local", "Delete")):
        kept = {
            resource["DeletionPolicy"]
            for resource in template(variant, "Data").body["Resources"].values()
            if resource["Type"] in {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret"}
        }
        assert kept == {policy}


def test_tables_are_billed_by_request_restorable_encrypted_and_forget_expired_items(template: Get) -> None:
    tables = template(stack="Data").all("AWS::DynamoDB::Table")
    assert len(tables) == 3
    for table in tables.values():
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert table["SSESpecification"]["SSEEnabled"] is True
        assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl_s", "Enabled": True}
        assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]


def test_a_key_of_ones_own_encrypts_tables_bucket_and_pepper_and_rotates(template: Get) -> None:
    data = template("private", "Data")
    ((key, properties),) = data.all("AWS::KMS::Key").items()
    assert properties["EnableKeyRotation"] is True
    for kind in ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SecretsManager::Secret"):
        assert all(key in text(resource) for resource in data.all(kind).values())


def test_the_bucket_is_private_and_speaks_tls_only(template: Get) -> None:
    data = template(stack="Data")
    assert set(data.one("AWS::S3::Bucket")["PublicAccessBlockConfiguration"].values()) == {True}
    assert "aws:SecureTransport" in text(data.one("AWS::S3::BucketPolicy"))


def test_the_chat_function_runs_our_loop_on_arm_with_python_313(template: Get) -> None:
    chat = template().function("handlers.chat.build")
    assert (chat["Runtime"], chat["Architectures"], chat["Timeout"]) == ("python3.13", ["arm64"], 900)
    assert chat["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"] == "/var/task/bootstrap.sh"
    assert json.loads(chat["Environment"]["Variables"]["SLIPSTREAM_ALIASES"]).keys() == {"fast", "balanced", "best"}
    assert chat["Environment"]["Variables"]["SLIPSTREAM_WHOLE_SILENCE_S"] == "240"
    assert chat["Environment"]["Variables"]["SLIPSTREAM_LEG_TIMEOUT_MS"] == "1000"


def test_the_web_adapter_takes_the_loops_place_where_it_is_chosen(template: Get) -> None:
    chat = template("warm").function("run.sh")
    assert chat["Environment"]["Variables"]["AWS_LWA_INVOKE_MODE"] == "response_stream"
    assert "LambdaAdapterLayerX86" in text(chat["Layers"])
    assert chat["Architectures"] == ["x86_64"]


def test_provisioned_concurrency_belongs_to_the_chat_functions_alias_alone(template: Get) -> None:
    aliases = template("warm").all("AWS::Lambda::Alias").values()
    warm = [alias["ProvisionedConcurrencyConfig"] for alias in aliases if "ProvisionedConcurrencyConfig" in alias]
    assert warm == [{"ProvisionedConcurrentExecutions": 3}]


def test_snap_start_is_on_where_it_is_chosen(template: Get) -> None:
    assert template("snapshot").function("handlers.chat.build")["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert "SnapStart" not in template().function("handlers.chat.build")


def test_a_vpc_holds_the_chat_function_in_the_given_subnets(template: Get) -> None:
    inside = [f for f in template("private").all("AWS::Lambda::Function").values() if "VpcConfig" in f]
    (function,) = inside
    assert function["Handler"] == "handlers.chat.build"
    assert function["VpcConfig"]["SubnetIds"] == VARIANTS["private"]["vpc_subnet_ids"].split(",")


def test_a_custom_domain_is_the_only_way_in_and_in_the_base_url(template: Get) -> None:
    fronted = template("fronted")
    assert fronted.one("AWS::ApiGateway::RestApi")["DisableExecuteApiEndpoint"] is True
    assert fronted.one("AWS::ApiGateway::DomainName")["SecurityPolicy"] == "TLS_1_2"
    assert fronted.one("AWS::Route53::RecordSet")["Name"] == "llm.example.com."
    assert fronted.body["Outputs"]["BaseUrl"]["Value"] == "https://llm.example.com/"


def test_the_firewall_counts_what_reads_bodies_and_keeps_no_samples(template: Get) -> None:
    rules = template("fronted").one("AWS::WAFv2::WebACL")["Rules"]
    for rule in rules:
        assert rule["VisibilityConfig"]["SampledRequestsEnabled"] is False
        overrides = rule["Statement"].get("ManagedRuleGroupStatement", {}).get("RuleActionOverrides", [])
        assert all(override["ActionToUse"] == {"Count": {}} for override in overrides)
    assert rules[0]["Statement"]["RateBasedStatement"] == {"AggregateKeyType": "IP", "Limit": 3000}
    assert template("fronted").all("AWS::WAFv2::WebACLAssociation")


def test_no_output_holds_a_key_or_the_pepper(template: Get) -> None:
    outputs = template().body["Outputs"]
    mine = {"BaseUrl", "ApiId", "StageName", "ChatFunction", "AuthorizerFunction", "KeysFunction"}
    assert mine <= outputs.keys()
    assert all("Pepper" not in text(output) and "Secret" not in text(output) for output in outputs.values())


def test_without_logs_no_log_role_is_made(template: Get) -> None:
    assert "AWS::ApiGateway::Account" in template().kinds()
    assert "AWS::ApiGateway::Account" not in template("bare").kinds()
    assert "AccessLogSetting" not in template("bare").one("AWS::ApiGateway::Stage")

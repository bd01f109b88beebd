from collections.abc import Callable
from typing import Any

import pytest

from cli.loading import INGESTION_MINUTES
from handlers.indexes import SPARE_S
from slipstream.runtime.ingest_parts import ROUTES_ENGINE_TIMEOUT_S
from stacks.setting import BadSetting
from stacks.settings import DeploySettings
from tests.infra.conftest import VARIANTS
from tests.infra.template import Template, text

Get = Callable[..., Template]
SEARCHING = [name for name, settings in VARIANTS.items() if settings.get("search", "none") != "none"]
DEV, PROD = "searching", "searching in private"


def domain(template: Get, variant: str) -> dict[str, Any]:
    return template(variant, "Search").one("AWS::OpenSearchService::Domain")


def variables(template: Template, handler: str) -> dict[str, Any]:
    found: dict[str, Any] = template.function(handler)["Environment"]["Variables"]
    return found


def test_without_search_nothing_of_it_is_there(template: Get) -> None:
    assert ("ANY", "/v1/indexes") not in template().routes()
    assert "SLIPSTREAM_SEARCH_ENDPOINT" not in variables(template(), "handlers.chat.build")


def test_the_index_routes_hear_of_an_engine_that_hangs_before_their_own_time_is_over(template: Get) -> None:
    assert template(DEV).function("handlers.indexes.handler")["Timeout"] - SPARE_S > ROUTES_ENGINE_TIMEOUT_S


def test_the_local_stage_has_every_kind_of_resource_that_a_searching_deployment_has(template: Get) -> None:
    for stack in ("Data", "Search", "Gateway"):
        assert template("searching locally", stack).kinds() == template(DEV, stack).kinds()


def test_dev_is_one_small_node_and_prod_is_three_with_masters_of_their_own_in_three_zones(template: Get) -> None:
    assert domain(template, DEV)["ClusterConfig"] == {
        "InstanceType": "t3.small.search",
        "InstanceCount": 1,
        "DedicatedMasterEnabled": False,
        "ZoneAwarenessEnabled": False,
        "MultiAZWithStandbyEnabled": False,
    }
    assert domain(template, DEV)["EBSOptions"] == {"EBSEnabled": True, "VolumeSize": 10, "VolumeType": "gp3"}
    assert domain(template, PROD)["ClusterConfig"] == {
        "InstanceType": "r6g.large.search",
        "InstanceCount": 3,
        "DedicatedMasterEnabled": True,
        "DedicatedMasterType": "m6g.large.search",
        "DedicatedMasterCount": 3,
        "ZoneAwarenessEnabled": True,
        "ZoneAwarenessConfig": {"AvailabilityZoneCount": 3},
        "MultiAZWithStandbyEnabled": False,
    }


@pytest.mark.parametrize(("variant", "replicas"), [(DEV, "0"), (PROD, "1")])
def test_an_index_has_a_second_copy_where_there_is_a_node_for_it(template: Get, variant: str, replicas: str) -> None:
    assert variables(template(variant), "handlers.indexes.handler")["SLIPSTREAM_INDEX_REPLICAS"] == replicas


@pytest.mark.parametrize("variant", SEARCHING)
def test_the_domain_is_encrypted_on_its_disks_between_its_nodes_and_towards_its_callers(
    template: Get, variant: str
) -> None:
    found = domain(template, variant)
    assert found["EncryptionAtRestOptions"]["Enabled"] is True
    assert found["NodeToNodeEncryptionOptions"] == {"Enabled": True}
    assert found["DomainEndpointOptions"] == {
        "EnforceHTTPS": True, "TLSSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10",
    }  # fmt: skip


def test_a_key_of_ones_own_encrypts_the_domain_and_the_documents(template: Get) -> None:
    found = template(PROD, "Search")
    assert "Key" in text(found.one("AWS::OpenSearchService::Domain")["EncryptionAtRestOptions"]["KmsKeyId"])
    assert "aws:kms" in text(found.one("AWS::S3::Bucket")["BucketEncryption"])


@pytest.mark.parametrize("path", ["/v1/indexes", "/v1/indexes/{proxy+}"])
def test_indexes_have_a_buffered_function_of_their_own(template: Get, path: str) -> None:
    routes = template(DEV).routes()
    assert "Indexes" in text(routes["ANY", path]["Integration"]["Uri"])
    assert routes["ANY", path]["Integration"].get("ResponseTransferMode", "BUFFERED") == "BUFFERED"
    assert routes["ANY", path]["AuthorizationType"] == "CUSTOM"
    assert "Chat" in text(routes["OPTIONS", path]["Integration"]["Uri"])


def test_a_file_reaches_the_function_as_it_was_sent(template: Get) -> None:
    assert {"application/pdf", "application/octet-stream"} <= {
        *template(DEV).one("AWS::ApiGateway::RestApi")["BinaryMediaTypes"]
    }


def test_every_function_finds_the_engine_and_those_that_load_find_bucket_queues_and_table(template: Get) -> None:
    gateway, search = template(DEV), template(DEV, "Search")
    loading = {
        "SLIPSTREAM_SEARCH_ENDPOINT", "SLIPSTREAM_STATE_TABLE", "SLIPSTREAM_DOCUMENTS_BUCKET", "SLIPSTREAM_ALIASES",
        "SLIPSTREAM_INGEST_QUEUE_URL", "SLIPSTREAM_DEAD_LETTER_QUEUE_URL", "SLIPSTREAM_CACHE", "SLIPSTREAM_CACHE_TABLE",
        "SLIPSTREAM_METRICS_NAMESPACE",
    }  # fmt: skip
    assert variables(search, "handlers.ingest.handler").keys() == loading
    assert variables(gateway, "handlers.indexes.handler").keys() == {
        *loading, "SLIPSTREAM_CORS_ORIGINS", "SLIPSTREAM_INDEX_REPLICAS",
    }  # fmt: skip
    assert variables(search, "handlers.search_setup.handler").keys() == {"SLIPSTREAM_SEARCH_ENDPOINT"}
    assert "SLIPSTREAM_SEARCH_ENDPOINT" in variables(gateway, "handlers.chat.build")
    assert "DomainEndpoint" in text(variables(search, "handlers.ingest.handler")["SLIPSTREAM_SEARCH_ENDPOINT"])


def test_what_happens_to_an_object_is_queued_tried_five_times_and_then_kept_for_two_weeks(template: Get) -> None:
    search = template(DEV, "Search")
    rule = search.one("AWS::Events::Rule")
    assert rule["EventPattern"]["detail-type"] == ["Object Created", "Object Deleted"]
    assert "Documents" in text(rule["EventPattern"]["detail"]["bucket"]["name"])
    bucket = search.one("AWS::S3::Bucket")
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    (queue,) = (q for q in search.all("AWS::SQS::Queue").values() if "RedrivePolicy" in q)
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    assert {q["MessageRetentionPeriod"] for q in search.all("AWS::SQS::Queue").values()} == {14 * 86_400}


def test_a_message_stays_hidden_for_six_times_as_long_as_the_function_may_take(template: Get) -> None:
    search = template(DEV, "Search")
    (queue,) = (q for q in search.all("AWS::SQS::Queue").values() if "RedrivePolicy" in q)
    assert queue["VisibilityTimeout"] == 6 * search.function("handlers.ingest.handler")["Timeout"]


def test_the_ingestion_function_has_the_time_that_commands_tell(template: Get) -> None:
    assert template(DEV, "Search").function("handlers.ingest.handler")["Timeout"] == INGESTION_MINUTES * 60


def test_only_failed_messages_come_again_and_the_setting_bounds_what_runs_at_once(template: Get) -> None:
    source = template(DEV, "Search").one("AWS::Lambda::EventSourceMapping")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": 4}


def test_in_a_vpc_the_domain_has_a_subnet_in_each_zone_and_hears_its_callers_alone(template: Get) -> None:
    search = template(PROD, "Search")
    (ingress,) = search.all("AWS::EC2::SecurityGroupIngress").values()
    assert (ingress["FromPort"], ingress["ToPort"]) == (443, 443)
    assert "Callers" in text(ingress["SourceSecurityGroupId"])
    subnets = VARIANTS[PROD]["vpc_subnet_ids"].split(",")
    assert domain(template, PROD)["VPCOptions"]["SubnetIds"] == [subnets[0], subnets[1], subnets[3]]
    inside = ("handlers.ingest.handler", "handlers.search_setup.handler")
    assert all("Callers" in text(search.function(handler)["VpcConfig"]) for handler in inside)
    for handler in ("handlers.chat.build", "handlers.indexes.handler"):
        assert "Callers" in text(template(PROD).function(handler)["VpcConfig"])


@pytest.mark.parametrize(("variant", "kinds"), [(DEV, 3), (PROD, 4)])
def test_slow_searches_errors_and_with_fine_grained_access_refusals_are_logged(
    template: Get, variant: str, kinds: int
) -> None:
    search = template(variant, "Search")
    options = search.one("AWS::OpenSearchService::Domain")["LogPublishingOptions"]
    assert {"SEARCH_SLOW_LOGS", "INDEX_SLOW_LOGS", "ES_APPLICATION_LOGS"} <= options.keys()
    assert len(options) == kinds
    writing = text(search.one("AWS::Logs::ResourcePolicy")["PolicyDocument"])
    assert "es.amazonaws.com" in writing
    assert "aws:SourceAccount" in writing


def test_what_hurts_a_domain_rings_through_one_topic(template: Get) -> None:
    alarms = template(DEV, "Search").all("AWS::CloudWatch::Alarm").values()
    assert {alarm["MetricName"] for alarm in alarms} == {
        "ClusterStatus.red", "ClusterStatus.yellow", "FreeStorageSpace", "ClusterIndexWritesBlocked",
        "JVMMemoryPressure", "CPUUtilization", "KNNGraphMemoryUsagePercentage", "5xx", "AutomatedSnapshotFailure",
        "ApproximateNumberOfMessagesVisible",
    }  # fmt: skip
    (topic,) = template(DEV, "Search").all("AWS::SNS::Topic")
    assert all(alarm["AlarmActions"] == [{"Ref": topic}] for alarm in alarms)
    (storage,) = (alarm for alarm in alarms if alarm["MetricName"] == "FreeStorageSpace")
    assert storage["Threshold"] == 10 * 1024 / 4
    assert storage["ComparisonOperator"] == "LessThanOrEqualToThreshold"


def test_masters_of_their_own_have_alarms_of_their_own(template: Get) -> None:
    names = {alarm["MetricName"] for alarm in template(PROD, "Search").all("AWS::CloudWatch::Alarm").values()}
    assert {"MasterReachableFromNode", "MasterCPUUtilization", "MasterJVMMemoryPressure"} <= names


def test_alarms_are_mailed_where_an_address_is_given(template: Get) -> None:
    (subscription,) = template(PROD, "Search").all("AWS::SNS::Subscription").values()
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "oncall@example.com")
    assert not template(DEV, "Search").all("AWS::SNS::Subscription")


def test_the_setup_runs_again_when_its_code_changes_and_slow_searches_are_logged_where_wanted(template: Get) -> None:
    dev = template(DEV, "Search").one("AWS::CloudFormation::CustomResource")
    prod = template(PROD, "Search").one("AWS::CloudFormation::CustomResource")
    assert len(dev["code"]) == 32
    assert "slow_log_s" not in dev
    assert prod["slow_log_s"] == 0.5


@pytest.mark.parametrize(("variant", "policy"), [(DEV, "Delete"), (PROD, "Retain"), ("searching locally", "Delete")])
def test_a_domain_for_production_outlives_its_stack(template: Get, variant: str, policy: str) -> None:
    (resource,) = (
        each
        for each in template(variant, "Search").body["Resources"].values()
        if each["Type"] == "AWS::OpenSearchService::Domain"
    )
    assert resource["DeletionPolicy"] == policy


@pytest.mark.parametrize(
    ("together", "wanted"),
    [
        ({"search": "prod", "vpc_id": "v", "vpc_subnet_ids": "a", "vpc_availability_zones": "z"}, "needs subnets in 3"),
        ({"search": "dev", "stage": "averylongstagename12"}, "with search at most 17"),
        ({"search_instance": "m5.large"}, "an OpenSearch type"),
        ({"alarm_email": "me"}, "a mail address"),
        ({"ingest_concurrency": 1}, "from 2 to 1000"),
        ({"search": "big"}, "one of none, dev, prod"),
    ],
)
def test_settings_that_no_domain_can_have_are_refused(together: dict[str, Any], wanted: str) -> None:
    with pytest.raises(BadSetting, match=wanted):
        DeploySettings.from_context(together)

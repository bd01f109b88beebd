"""DynamoDB, Secrets Manager and the profile resolver against real protocol partners."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from slipstream.aws.dynamodb import ConditionFailed, Table, dynamodb
from slipstream.aws.json_service import ServiceError
from slipstream.aws.parameter_rules import TableParameterRules
from slipstream.aws.places import Places
from slipstream.aws.profiles import BedrockProfiles
from slipstream.aws.secrets import Secrets
from slipstream.aws.sigv4 import Signer
from slipstream.aws.transport import Transport
from slipstream.errors import ModelNotFound
from stacks.constructs.item_table import TTL_ATTRIBUTE
from tests.contract.upstream.calls import CREDENTIALS
from tests.contract.upstream.tiny_server import Peer, TinyServer

AUTH = Signer(lambda: CREDENTIALS, "us-east-1")


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def boto(service: str, url: str):  # type: ignore[no-untyped-def]
    return boto3.client(
        service, endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


@pytest.fixture
def table(transport: Transport, moto_url: str) -> Iterator[Table]:
    client = boto("dynamodb", moto_url)
    client.create_table(
        TableName="state", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )  # fmt: skip
    places = Places("us-east-1", {"dynamodb": moto_url})
    yield Table("state", dynamodb(transport=transport, auth=AUTH, places=places))
    client.delete_table(TableName="state")
    client.close()


def test_an_item_comes_back_as_it_was_put(table: Table) -> None:
    item = {"pk": "a", "sk": "1", "n": 3, "f": 0.5, "b": True, "raw": b"\0\xff", "none": None,
            "list": [1, "x", {"y": False}], "map": {"é": "ü"}, "set": {"p", "q"}}  # fmt: skip
    table.put_item(item)
    assert table.get_item({"pk": "a", "sk": "1"}, consistent=True) == item


def test_a_missing_item_is_none(table: Table) -> None:
    assert table.get_item({"pk": "none", "sk": "x"}) is None


def test_a_condition_that_does_not_hold_gives_the_item_that_stands_there(table: Table) -> None:
    table.put_item({"pk": "a", "sk": "1", "owner": "first"})
    with pytest.raises(ConditionFailed) as caught:
        table.put_item({"pk": "a", "sk": "1", "owner": "second"}, condition="attribute_not_exists(pk)")
    assert caught.value.item in (None, {"pk": "a", "sk": "1", "owner": "first"})
    assert table.get_item({"pk": "a", "sk": "1"}) == {"pk": "a", "sk": "1", "owner": "first"}


def test_an_update_gives_the_item_as_it_is_afterwards(table: Table) -> None:
    for expected in (2, 4):
        after = table.update_item({"pk": "a", "sk": "n"}, "ADD #n :two", names={"#n": "count"}, values={":two": 2})
        assert after["count"] == expected


def test_a_query_reads_all_pages_in_the_sort_keys_order(table: Table) -> None:
    for at in range(30):
        table.put_item({"pk": "q", "sk": f"{at:02}", "body": "x" * 60_000})
    assert [item["sk"] for item in table.query("pk = :pk", values={":pk": "q"})] == [f"{at:02}" for at in range(30)]
    assert [item["sk"] for item in table.query("pk = :pk", values={":pk": "q"}, limit=3)] == ["00", "01", "02"]


def test_a_missing_table_is_named_by_the_service(transport: Transport, moto_url: str) -> None:
    service = dynamodb(transport=transport, auth=AUTH, places=Places("us-east-1", {"dynamodb": moto_url}))
    with pytest.raises(ServiceError) as caught:
        Table("absent", service).get_item({"pk": "a", "sk": "1"})
    assert caught.value.name == "ResourceNotFoundException"


def test_learnt_rules_are_there_for_the_next_environment_until_they_expire(table: Table) -> None:
    here = TableParameterRules(table, clock=lambda: 1000.0)
    here.remember("model-a", "top_k", 2000)
    here.remember("model-a", "temperature", 3000)
    here.remember("model-b", "top_p", 2000)
    here.remember("model-b", "top_p", 2500)
    assert TableParameterRules(table, clock=lambda: 1999.0).load() == {
        "model-a": {"temperature": 3000, "top_k": 2000},
        "model-b": {"top_p": 2500},
    }
    assert TableParameterRules(table, clock=lambda: 2500.0).load() == {"model-a": {"temperature": 3000}}


def test_dynamodb_drops_a_rule_by_the_attribute_that_the_table_names(table: Table) -> None:
    TableParameterRules(table).remember("model-a", "top_k", 2000.7)
    (item,) = table.query("pk = :pk", values={":pk": "rules"})
    assert item[TTL_ATTRIBUTE] == 2000


def test_an_item_of_another_make_hides_no_rule(table: Table) -> None:
    table.put_item({"pk": "rules", "sk": "a", "learnt_at": 1})
    table.put_item({"pk": "rules", "sk": "b", "ttl_s": "soon", "model_id": "m", "parameter": "top_p"})
    TableParameterRules(table).remember("model-a", "top_k", 2e10)
    assert TableParameterRules(table).load() == {"model-a": {"top_k": 20_000_000_000}}


def test_a_table_that_cannot_be_reached_costs_no_request(transport: Transport, server: TinyServer) -> None:
    server.stop_listening()
    service = dynamodb(transport=transport, auth=AUTH, places=Places("us-east-1", {"dynamodb": server.url}))
    rules = TableParameterRules(Table("state", service))
    rules.remember("model", "top_k", 2e10)
    assert rules.load() == {}


def test_a_throttled_call_is_repeated_once(transport: Transport, server: TinyServer) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.answer(b'{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}', status=400)
        peer.request()
        peer.answer(b'{"Item": {"pk": {"S": "a"}}}')

    server.expects(script)
    service = dynamodb(transport=transport, auth=AUTH, places=Places("us-east-1", {"dynamodb": server.url}))
    assert Table("state", service).get_item({"pk": "a"}) == {"pk": "a"}


def test_a_secret_is_read(transport: Transport, moto_url: str) -> None:
    client = boto("secretsmanager", moto_url)
    client.create_secret(Name="pepper", SecretString="salt and pepper")
    client.close()
    secrets = Secrets(transport=transport, auth=AUTH, places=Places("us-east-1", {"secretsmanager": moto_url}))
    assert secrets.get_secret_value("pepper") == "salt and pepper"


def test_a_profile_is_resolved_once_and_remembered(transport: Transport, server: TinyServer) -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
    seen: list[bytes] = []

    def script(peer: Peer) -> None:
        seen.append(peer.request())
        peer.answer(b'{"models":[{"modelArn":"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}]}')

    server.expects(script)
    profiles = BedrockProfiles(transport=transport, auth=AUTH, places=Places("us-east-1", {"bedrock": server.url}))
    assert [profiles.model_of(arn) for _ in range(3)] == ["amazon.nova-lite-v1:0"] * 3
    assert len(seen) == 1
    assert seen[0].startswith(b"GET /inference-profiles/arn%3Aaws%3Abedrock")


def test_a_profile_of_the_local_server_is_resolved_with_a_valid_signature(
    transport: Transport, bedrock_url: str
) -> None:
    profiles = BedrockProfiles(transport=transport, auth=AUTH, places=Places("us-east-1", {"bedrock": bedrock_url}))
    profile = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
    assert profiles.model_of(profile) == "anthropic.claude-haiku-4-5-20251001-v1:0"


def test_a_profile_of_another_region_is_looked_up_there(transport: Transport, server: TinyServer) -> None:
    seen: list[bytes] = []

    def script(peer: Peer) -> None:
        seen.append(peer.request())
        peer.answer(b'{"models":[{"modelArn":"arn:aws:bedrock:eu-west-3::foundation-model/amazon.nova-lite-v1:0"}]}')

    server.expects(script)
    profiles = BedrockProfiles(transport=transport, auth=AUTH, places=Places("us-east-1", {"bedrock": server.url}))
    assert profiles.model_of("arn:aws:bedrock:eu-west-3:123456789012:application-inference-profile/abc")
    assert b"/eu-west-3/bedrock/aws4_request" in seen[0]


def test_an_unknown_profile_is_an_unknown_model(transport: Transport, bedrock_url: str) -> None:
    profiles = BedrockProfiles(transport=transport, auth=AUTH, places=Places("us-east-1", {"bedrock": bedrock_url}))
    with pytest.raises(ModelNotFound):
        profiles.model_of("arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/none")

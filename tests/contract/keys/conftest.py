from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from slipstream.fakes.keys import MemoryKeyStore
from slipstream.keys.store import KeyStore
from slipstream.runtime.key_parts import KeyParts, build_key_parts, read_key_settings
from tests.contract.keys.socket_moto import REGION, socket_moto

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
TABLE = "keys"


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The functions' environment, with an empty table and a pepper behind it."""
    for name, value in (CREDENTIALS | {"AWS_DEFAULT_REGION": REGION}).items():
        monkeypatch.setenv(name, value)
    with mock_aws(), socket_moto() as url:
        names: list[Any] = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        boto3.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=names,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        secret = boto3.client("secretsmanager").create_secret(Name="pepper", SecretString="p" * 64)
        yield CREDENTIALS | {
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": url,
            "SLIPSTREAM_KEYS_TABLE": TABLE,
            "SLIPSTREAM_PEPPER_SECRET_ARN": secret["ARN"],
        }


@pytest.fixture
def build() -> Iterator[Callable[[dict[str, str]], KeyParts]]:
    """Builds parts as the functions do, and ends their connections after the test."""
    built: list[KeyParts] = []

    def from_environment(environ: dict[str, str]) -> KeyParts:
        built.append(build_key_parts(read_key_settings(environ), environ))
        return built[-1]

    yield from_environment
    for parts in built:
        parts.close()


@pytest.fixture
def parts(environ: dict[str, str], build: Callable[[dict[str, str]], KeyParts]) -> KeyParts:
    return build(environ)


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> KeyStore:
    if request.param == "memory":
        return MemoryKeyStore()
    dynamo: KeyStore = request.getfixturevalue("parts").store
    return dynamo

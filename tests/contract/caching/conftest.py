from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from slipstream.aws.answer_store import DynamoAnswerStore
from slipstream.aws.credentials import CredentialSource
from slipstream.aws.dynamodb import Table, dynamodb
from slipstream.aws.object_bodies import ObjectBodies
from slipstream.aws.places import Places
from slipstream.aws.sigv4 import Signer
from slipstream.aws.transport import Transport
from slipstream.caching.store import AnswerStore
from slipstream.fakes.answer_store import MemoryAnswerStore
from tests.contract.caching.moto_server import BUCKET, REGION, TABLE, client, create, moto_server, remove

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def boto(moto_url: str) -> Iterator[Callable[[str], Any]]:
    """boto3 clients of the same services, with an empty table and bucket."""
    create(moto_url)
    yield lambda service: client(service, moto_url)
    remove(moto_url)


class Services(NamedTuple):
    """Table and bucket as the adapters see them."""

    table: Table
    objects: ObjectBodies


@pytest.fixture
def services(moto_url: str, boto: Callable[[str], Any]) -> Iterator[Services]:
    del boto
    transport = Transport()
    auth = Signer(CredentialSource(CREDENTIALS), REGION)
    places = Places(REGION, {"dynamodb": moto_url, "s3": moto_url})
    table = Table(TABLE, dynamodb(transport=transport, auth=auth, places=places))
    yield Services(table, ObjectBodies(BUCKET, transport=transport, auth=auth, places=places))
    transport.restore()


@pytest.fixture
def dynamo(services: Services) -> DynamoAnswerStore:
    """The adapter that is deployed, over table and bucket."""
    return DynamoAnswerStore(services.table, services.objects)


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> AnswerStore:
    if request.param == "memory":
        return MemoryAnswerStore()
    found: AnswerStore = request.getfixturevalue("dynamo")
    return found

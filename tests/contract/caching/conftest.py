from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from slipstream.aws.answer_store import DynamoAnswerStore
from slipstream.aws.credentials import CredentialSource
from slipstream.aws.dynamodb import Table, dynamodb
from slipstream.aws.learning_store import DynamoLearningStore
from slipstream.aws.object_bodies import ObjectBodies
from slipstream.aws.places import Places
from slipstream.aws.question_store import DynamoQuestionStore
from slipstream.aws.sigv4 import Signer
from slipstream.aws.transport import Transport
from slipstream.caching.semantic.ports import QuestionStore
from slipstream.caching.store import AnswerStore
from slipstream.fakes.answer_store import MemoryAnswerStore
from slipstream.fakes.question_store import MemoryQuestionStore
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


@contextmanager
def services_at(url: str) -> Iterator[Services]:
    """Over the transport that is deployed."""
    transport = Transport()
    auth = Signer(CredentialSource(CREDENTIALS), REGION)
    places = Places(REGION, {"dynamodb": url, "s3": url})
    table = Table(TABLE, dynamodb(transport=transport, auth=auth, places=places))
    yield Services(table, ObjectBodies(BUCKET, transport=transport, auth=auth, places=places))
    transport.restore()


@pytest.fixture
def services(moto_url: str, boto: Callable[[str], Any]) -> Iterator[Services]:
    del boto
    with services_at(moto_url) as found:
        yield found


@pytest.fixture
def dynamo(services: Services) -> DynamoAnswerStore:
    """The adapter that is deployed, over table and bucket."""
    return DynamoAnswerStore(services.table, services.objects)


@pytest.fixture
def dynamo_questions(services: Services) -> DynamoQuestionStore:
    """The adapter that is deployed, over the same table."""
    return DynamoQuestionStore(services.table)


@pytest.fixture(params=["memory", "dynamodb"])
def questions(request: pytest.FixtureRequest) -> QuestionStore:
    if request.param == "memory":
        return MemoryQuestionStore()
    found: QuestionStore = request.getfixturevalue("dynamo_questions")
    return found


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> AnswerStore:
    if request.param == "memory":
        return MemoryAnswerStore()
    found: AnswerStore = request.getfixturevalue("dynamo")
    return found


class Ticking:
    """Unix time that goes on by a millisecond with each look, as names have to sort by age."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        self.now_s += 0.001
        return self.now_s


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def dynamo_learning(services: Services, clock: Ticking) -> DynamoLearningStore:
    """The adapter that is deployed, over the same table and bucket."""
    return DynamoLearningStore(services.table, services.objects, clock=clock)

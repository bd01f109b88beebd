from collections.abc import Callable, Iterator
from threading import Lock, Thread
from typing import Any

import boto3
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from slipstream.aws.answer_store import DynamoAnswerStore
from slipstream.aws.credentials import CredentialSource
from slipstream.aws.dynamodb import Table, dynamodb
from slipstream.aws.object_bodies import ObjectBodies
from slipstream.aws.places import Places
from slipstream.aws.sigv4 import Signer
from slipstream.aws.transport import Transport
from slipstream.caching.store import AnswerStore
from slipstream.fakes.answer_store import MemoryAnswerStore

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
TABLE, BUCKET = "answers", "bodies"


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """DynamoDB and S3 behind a real socket, one request at a time: moto's conditional writes are not atomic."""
    moto, one_at_a_time = DomainDispatcherApplication(create_backend_app), Lock()

    def application(environ: Any, start_response: Any) -> Any:
        with one_at_a_time:
            return moto(environ, start_response)

    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def boto(moto_url: str) -> Iterator[Callable[[str], Any]]:
    """boto3 clients of the same services, with an empty table and bucket."""
    made: list[Any] = []

    def client(service: str) -> Any:
        made.append(
            boto3.client(
                service, region_name=REGION, endpoint_url=moto_url,
                aws_access_key_id="testing", aws_secret_access_key="testing",
            )  # type: ignore[call-overload]
        )  # fmt: skip
        return made[-1]

    client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    client("s3").create_bucket(Bucket=BUCKET)
    yield client
    client("dynamodb").delete_table(TableName=TABLE)
    s3 = client("s3")
    for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        s3.delete_object(Bucket=BUCKET, Key=found["Key"])
    s3.delete_bucket(Bucket=BUCKET)
    for one in made:
        one.close()


@pytest.fixture
def dynamo(moto_url: str, boto: Callable[[str], Any]) -> Iterator[DynamoAnswerStore]:
    """The adapter that is deployed, over table and bucket."""
    del boto
    transport = Transport()
    auth = Signer(CredentialSource(CREDENTIALS), REGION)
    places = Places(REGION, {"dynamodb": moto_url, "s3": moto_url})
    table = Table(TABLE, dynamodb(transport=transport, auth=auth, places=places))
    yield DynamoAnswerStore(table, ObjectBodies(BUCKET, transport=transport, auth=auth, places=places))
    transport.restore()


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> AnswerStore:
    if request.param == "memory":
        return MemoryAnswerStore()
    found: AnswerStore = request.getfixturevalue("dynamo")
    return found

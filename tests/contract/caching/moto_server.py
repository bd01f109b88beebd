"""DynamoDB and S3 behind a real socket, for our own transport and for processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Thread
from typing import Any

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

REGION = "us-east-1"
TABLE, BUCKET = "answers", "bodies"


@contextmanager
def moto_server() -> Iterator[str]:
    """Its URL. It serves one request at a time: moto's conditional writes are not atomic."""
    moto, one_at_a_time = DomainDispatcherApplication(create_backend_app), Lock()

    def application(environ: Any, start_response: Any) -> Any:
        with one_at_a_time:
            return moto(environ, start_response)

    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client(service: str, url: str) -> Any:
    """boto3's, of that server."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def create(url: str) -> None:
    """An empty table of answers and an empty bucket."""
    client("dynamodb", url).create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    client("s3", url).create_bucket(Bucket=BUCKET)


def remove(url: str) -> None:
    """Both, with what is in them."""
    client("dynamodb", url).delete_table(TableName=TABLE)
    s3 = client("s3", url)
    for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        s3.delete_object(Bucket=BUCKET, Key=found["Key"])
    s3.delete_bucket(Bucket=BUCKET)

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.contract.keys.socket_moto import REGION, socket_moto

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The functions' environment, with table, bucket and queues behind it."""
    for name, value in (CREDENTIALS | {"AWS_DEFAULT_REGION": REGION}).items():
        monkeypatch.setenv(name, value)
    with mock_aws(), socket_moto() as url:
        names: list[Any] = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        boto3.client("dynamodb").create_table(
            TableName="state",
            KeySchema=names,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        boto3.client("s3").create_bucket(Bucket="documents")
        sqs = boto3.client("sqs")
        yield CREDENTIALS | {
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": url,
            "SLIPSTREAM_SEARCH_ENDPOINT": "http://127.0.0.1:1",
            "SLIPSTREAM_STATE_TABLE": "state",
            "SLIPSTREAM_DOCUMENTS_BUCKET": "documents",
            "SLIPSTREAM_INGEST_QUEUE_URL": sqs.create_queue(QueueName="events")["QueueUrl"],
            "SLIPSTREAM_DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName="dead")["QueueUrl"],
        }

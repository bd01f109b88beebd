"""What lies in the documents bucket is in its index: S3, EventBridge, SQS and the deployed functions in between."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest

from local.endpoint import Endpoint
from local.places import REGION, Places

INDEX = "from-the-bucket"
PATIENCE_S = 90
"""How long something may take that has to happen; nothing passes because of it."""


class Bucket:
    """The deployed documents bucket."""

    def __init__(self, places: Places) -> None:
        outputs: dict[str, dict[str, str]] = json.loads((places.folder / "outputs.json").read_text())
        self.name = outputs["Slipstream-local-Search"]["DocumentsBucket"]
        emulator = json.loads((places.folder / "edge.json").read_text())["variables"]["AWS_ENDPOINT_URL"]
        self.s3 = boto3.client(
            "s3",
            endpoint_url=emulator,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def put(self, key: str, data: bytes) -> None:
        self.s3.put_object(Bucket=self.name, Key=f"{INDEX}/{key}", Body=data)

    def remove(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.name, Key=f"{INDEX}/{key}")


class Index:
    """The index over HTTP."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def ask(self, method: str, path: str = "", body: Any = None) -> Any:
        url = f"{self._endpoint.base_url}/v1/indexes/{INDEX}{path}"
        headers = {"authorization": f"Bearer {self._endpoint.api_key}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(url, data, headers, method=method)) as answer:
            return json.load(answer)

    def documents(self) -> list[str]:
        return [each["id"] for each in self.ask("GET", "/documents")["data"]]

    def failures(self) -> list[tuple[str, str]]:
        return [(each["origin"], each["code"]) for each in self.ask("GET", "/failures")["data"]]


def until(look: Callable[[], Any], wanted: Any) -> None:
    """Look until it is as wanted."""
    end_s = time.monotonic() + PATIENCE_S
    while (found := look()) != wanted:
        assert time.monotonic() < end_s, f"{found} instead of {wanted} after {PATIENCE_S} s"
        time.sleep(0.2)


@pytest.fixture
def bucket(local_stack: Endpoint, local_places: Places) -> Bucket:
    if not local_stack.opensearch_url:
        pytest.skip(f"no OpenSearch: the stack runs with the engine {local_stack.search_engine}")
    return Bucket(local_places)


@pytest.fixture
def index(bucket: Bucket, local_stack: Endpoint) -> Iterator[Index]:
    found = Index(local_stack)
    found.ask("PUT", body={})
    yield found
    found.ask("DELETE")


def test_an_object_is_found_in_its_index_and_leaves_with_the_bucket(bucket: Bucket, index: Index) -> None:
    bucket.put("guides/storms.md", b"# Storms\n\nA storm is a disturbed state of an atmosphere.\n")
    until(index.documents, ["guides/storms.md"])

    bucket.remove("guides/storms.md")
    until(index.documents, [])


def test_a_poison_document_is_reported_and_replayed_once_it_was_mended(bucket: Bucket, index: Index) -> None:
    bucket.put("report.pdf", b"%PDF-1.4 and nothing more")
    bucket.put("notes.md", b"# Notes\n\nThe other document goes on.\n")
    until(index.failures, [(f"s3://{bucket.name}/{INDEX}/report.pdf", "truncated_document")])
    until(index.documents, ["notes.md"])

    assert index.ask("POST", "/replay")["messages"] == 1

    bucket.put("report.pdf", b"It was a text all the time.\n")
    until(index.documents, ["notes.md", "report.pdf"])
    until(index.failures, [])

"""An index of documents with nested passages, in the shapes that the product's mapping is made of."""

from __future__ import annotations

import json
import math
import random
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

DIMENSIONS = 8
WORDS = ("storm", "river", "lamp", "engine", "queue", "bucket", "lambda", "index", "vector", "timeout")
MAPPING: dict[str, Any] = {
    "settings": {"index": {"knn": True, "number_of_shards": 1, "number_of_replicas": 0}},
    "mappings": {
        "dynamic": "strict",
        "properties": {
            "kind": {"type": "keyword"},
            "year": {"type": "integer"},
            "title": {"type": "text", "analyzer": "english"},
            "body": {"type": "text", "analyzer": "english"},
            "passages": {
                "type": "nested",
                "properties": {
                    "ordinal": {"type": "integer"},
                    "text": {"type": "text", "analyzer": "english", "copy_to": "body"},
                    "vector": {
                        "type": "knn_vector",
                        "dimension": DIMENSIONS,
                        "method": {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil"},
                    },
                },
            },
        },
    },
}


class Engine:
    """Raw requests, without any client of ours in between: what is tested is the engine alone."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and decoded answer; a list is sent as lines."""
        lines = isinstance(body, list)
        text = "".join(json.dumps(line) + "\n" for line in body) if lines else json.dumps(body)
        headers = {"content-type": "application/x-ndjson" if lines else "application/json"}
        data = None if body is None else text.encode()
        try:
            with urlopen(Request(f"{self.url}{path}", data, headers, method=method)) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.load(error)

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        """The answer of a call that has to succeed."""
        status, answer = self.call(method, path, body)
        assert status < 300, answer
        return answer


def unit_vector(random_: random.Random) -> list[float]:
    drawn = [random_.gauss(0, 1) for _ in range(DIMENSIONS)]
    length = math.hypot(*drawn)
    return [value / length for value in drawn]


def make_documents() -> list[dict[str, Any]]:
    draw = random.Random(3)
    return [
        {
            "kind": draw.choice("ab"),
            "year": 2000 + number % 20,
            "title": f"document {number} {draw.choice(WORDS)}",
            "passages": [
                {
                    "ordinal": ordinal,
                    "text": " ".join(draw.choices(WORDS, k=draw.randint(3, 9))),
                    "vector": unit_vector(draw),
                }
                for ordinal in range(5)
            ],
        }
        for number in range(100)
    ]


@pytest.fixture(scope="module")
def engine(opensearch_url: str) -> Engine:
    return Engine(opensearch_url)


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    return make_documents()


@pytest.fixture
def new_name(engine: Engine) -> Iterator[str]:
    """A name for an index that the test may make; gone afterwards."""
    name = f"features-{uuid.uuid4().hex[:12]}"
    yield name
    engine.call("DELETE", f"/{name}*")


@pytest.fixture(scope="module")
def index(engine: Engine, documents: list[dict[str, Any]]) -> Iterator[str]:
    """Filled with the documents; their ids are their places in the list."""
    name = f"features-{uuid.uuid4().hex[:12]}"
    engine.ok("PUT", f"/{name}", MAPPING)
    lines = [
        line for number, each in enumerate(documents) for line in ({"index": {"_index": name, "_id": number}}, each)
    ]
    assert not engine.ok("POST", "/_bulk?refresh=true", lines)["errors"]
    yield name
    engine.call("DELETE", f"/{name}")

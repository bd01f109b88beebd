"""A gateway that is one process: its answers lie in its memory, and its own indexes end them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bench.overhead import gateway_environ
from bench.processes import running
from tests.functional.caching.conftest import PATIENT
from tests.functional.faults.conftest import SERVE, Host, Reply

RETRIES = "Lambda retries a failed asynchronous invocation twice."


class Alone(Host):
    """The process, and its index ``docs``."""

    def call(self, method: str, path: str, body: Any) -> Any:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, json.dumps(body), {"content-type": "application/json"})
            return json.loads(connection.getresponse().read())

    def put(self, name: str, text: str) -> None:
        told = self.call("POST", "/v1/indexes/docs/documents", {"documents": [{"id": name, "text": text}]})
        assert told["added"] + told["changed"] == 1, told

    def ask(self, question: str = "How often does Lambda retry?") -> Reply:
        body = {"model": "rag:docs", "messages": [{"role": "user", "content": question}]}
        reply = self.post("/v1/chat/completions", body)
        assert reply.status == 200, reply.body
        self.metrics_of(reply)  # what happens after the last byte is over
        return reply


@pytest.fixture
def alone(double_port: int, double_url: str, folder: Path) -> Iterator[Alone]:
    environ = gateway_environ(double_port) | PATIENT | {
        "SLIPSTREAM_CACHE": "on", "OPENSEARCH_URL": double_url, "SLIPSTREAM_LEG_TIMEOUT_MS": "10000",
    }  # fmt: skip
    with running([*SERVE, "--indexes"], environ=environ, folder=folder, name="alone") as process:
        host = Alone(process)
        host.call("PUT", "/v1/indexes/docs", {"dimensions": 256})
        yield host
        host.call("DELETE", "/v1/indexes/docs", {})


def outcomes(*replies: Reply) -> list[str]:
    return [reply.headers["x-slipstream-cache"] for reply in replies]


def test_a_document_that_changes_there_ends_what_rests_on_it(alone: Alone) -> None:
    alone.put("retries.md", RETRIES)
    before = [alone.ask(), alone.ask()]
    alone.put("retries.md", RETRIES.replace("twice", "three times"))
    after = alone.ask()
    assert outcomes(*before, after) == ["miss", "hit", "miss"]
    assert "three times" in json.loads(after.body)["choices"][0]["message"]["content"]


def test_a_document_that_arrives_there_ends_what_it_would_now_be_found_for(alone: Alone) -> None:
    for topic in ("retries", "queues", "tables", "buckets", "alarms"):
        alone.put(f"{topic}.md", f"Lambda retries {topic} twice.")
    alone.put("herons.md", "Herons stand in shallow water and wait for small fish until dusk.")
    before = [alone.ask(), alone.ask()]
    alone.put("egrets.md", "Egrets are white and follow cattle across dry fields in the morning.")
    kept = alone.ask()
    alone.put("new.md", "How often does Lambda retry? Three times.")
    after = [alone.ask(), alone.ask()]
    assert outcomes(*before, kept, *after) == ["miss", "hit", "hit", "miss", "hit"]
    assert "new.md" in {each["document"] for each in json.loads(after[0].body)["slipstream"]["rag"]["passages"]}

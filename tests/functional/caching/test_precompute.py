"""Answers before the question, from a log of several days to the hit: over a real index, table, bucket and service."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from bench.processes import running
from cli.main import main
from handlers import fill, mine
from local.places import ROOT
from slipstream import eventstream
from slipstream.aws.answer_store import DynamoAnswerStore
from slipstream.aws.credentials import CredentialSource
from slipstream.aws.document_index import OpenSearchDocuments, connect
from slipstream.aws.dynamodb import Table, dynamodb
from slipstream.aws.places import Places
from slipstream.aws.sigv4 import Signer
from slipstream.aws.transport import Transport
from slipstream.beside import Beside
from slipstream.caching.day import DAY_S
from slipstream.caching.marking import MarkingIndex
from slipstream.gateway.app import create_app
from slipstream.gateway.http import HttpRequest, Principal
from slipstream.runtime.fill_parts import Fillers
from slipstream.runtime.precompute_parts import build_planning, fill_stores, require_cache, services
from slipstream.runtime.settings import read_settings
from slipstream.runtime.wiring import assemble
from tests.contract.caching.moto_server import TABLE, client
from tests.functional.caching.conftest import environ_of
from tests.functional.caching.test_kept_answers import chunks
from tests.functional.faults.conftest import FOREVER_MS, SERVE, Double, Host, Reply, eventually
from tests.functional.retrieval.conftest import SPEC, documents, embedded
from tests.unit.caching.kept import Clock

HOUR_S = 3600.0
RETRIES = "How often does Lambda retry an asynchronous invocation that fails?"
STOPS = "What does reserved concurrency of zero do?"
TABLES = "How soon do global tables replicate a table to other regions?"
MOON = "Which colour has the moon over Lisbon?"
ALONE = "Is my own invocation retried?"
MAIL = "Write to ada@example.org about the retries"
A_DAY = {RETRIES: 12, STOPS: 9, TABLES: 7, MOON: 6, MAIL: 3}
DAYS = 5
NARROW = {"retrieval": {"passages": 1}}
"""A search whose answer rests on one document."""
REMADE = "Lambda retries a failed asynchronous invocation three times. It waits a minute before the first retry."
pytestmark = pytest.mark.timeout(600)


def besides() -> list[Beside]:
    """All of this process."""
    return [one for one in gc.get_objects() if type(one) is Beside]


class Deployment:
    """A gateway in this process and the two functions of a run, whose clock is the test's."""

    def __init__(self, environ: dict[str, str], index: str) -> None:
        self.environ, self.index = environ, index
        self._others = besides()
        self.settings = read_settings(environ)
        self.clock = Clock()
        self.parts = assemble(self.settings, environ, clock=self.clock)
        self.app = create_app(self.parts.gateway)
        self.transport, auth, places = services(self.settings, environ)
        cache = require_cache(self.settings)
        self.stores = fill_stores(cache, transport=self.transport, auth=auth, places=places)
        self.fillers = Fillers(self.settings, environ, self.stores, clock=self.clock)

    def close(self) -> None:
        """End its connections, once the threads are through that a hit has given up."""
        mine = [one for one in besides() if not any(one is other for other in self._others)]
        eventually(lambda: all(one._idle == one._threads for one in mine))
        for close in (self.parts.restore, self.transport.restore, self.fillers.close):
            close()

    def post(self, path: str, body: dict[str, Any]) -> Reply:
        who = Principal("k", tenant="acme")
        response = self.app(HttpRequest("POST", path, {}, json.dumps(body).encode(), principal=who))
        reply = Reply(response.status, dict(response.headers), b"".join(response.body))
        response.settle()
        assert reply.status == 200, reply.body
        return reply

    def chat(self, question: str, user: str = "zoe", **fields: Any) -> Reply:
        asked = {"model": f"rag:{self.index}", "messages": [{"role": "user", "content": question}], "user": user}
        return self.post("/v1/chat/completions", asked | fields)

    def converse(self, question: str, operation: str = "converse") -> Reply:
        body = {"messages": [{"role": "user", "content": [{"text": question}]}]}
        return self.post(f"/model/rag%3A{self.index}/{operation}", body)

    def log(self, days: int) -> int:
        """Some days of users; how many requests."""
        asked = 0
        for day in range(days):
            for question, times in A_DAY.items():
                for number in range(times):
                    self.chat(question, f"user{number}", stream=bool(number % 2))
            self.chat(ALONE, "user1")
            for number in range(5):
                self.chat(TABLES, f"user{number}", slipstream=NARROW)
            asked += sum(A_DAY.values()) + 6
            self.clock.now_s += DAY_S - (HOUR_S if day == days - 1 else 0.0)
        return asked

    def plan(self, run: str, **event: Any) -> tuple[dict[str, Any], list[Any]]:
        """What mining returns, and the lines that it wrote."""
        planning = build_planning(self.settings, self.environ, self.stores, clock=self.clock)
        told = mine.respond({"run": run, **event}, planning)
        s3 = client("s3", self.environ["AWS_ENDPOINT_URL_S3"])
        lines = s3.get_object(Bucket=told["bucket"], Key=told["key"])["Body"].read().splitlines()
        return told, [json.loads(line) for line in lines]

    def fill(self, run: str, items: Sequence[Any]) -> dict[str, Any]:
        """As a distributed map does it: batches of two; the sums."""
        sums: dict[str, Any] = {}
        for at in range(0, len(items), 2):
            event = {"BatchInput": {"run": run}, "Items": items[at : at + 2]}
            told = fill.respond(event, self.fillers, self.clock.now_s + 900)
            sums |= {name: sums.get(name, 0) + value for name, value in told.items() if name != "run"}
        return sums


@pytest.fixture
def environ(double_port: int, table: str, search_url: str) -> dict[str, str]:
    return environ_of(
        double_port,
        table,
        OPENSEARCH_URL=search_url,
        SLIPSTREAM_QUERY_LOG_SHARE="1",
        SLIPSTREAM_PRECOMPUTE_PER_MINUTE="6000",
        SLIPSTREAM_LEG_TIMEOUT_MS="10000",
    )


@pytest.fixture
def index(environ: dict[str, str], search_url: str, double_port: int) -> Iterator[tuple[str, MarkingIndex]]:
    """An index of a few documents, whose changes end the answers that rest on them."""
    name = f"filled-{uuid.uuid4().hex[:12]}"
    engine, transport = connect(search_url), Transport()
    places = Places("us-east-1", {"dynamodb": environ["AWS_ENDPOINT_URL_DYNAMODB"]})
    service = dynamodb(transport=transport, auth=Signer(CredentialSource(environ), "us-east-1"), places=places)
    found = MarkingIndex(OpenSearchDocuments(engine, faiss=False), DynamoAnswerStore(Table(TABLE, service)))
    found.create(name, SPEC)
    assert found.write(name, embedded(documents(), double_port)) == []
    found.refresh(name)
    yield name, found
    found.drop(name)
    engine.close()
    transport.restore()


@pytest.fixture
def deployment(environ: dict[str, str], index: tuple[str, MarkingIndex]) -> Iterator[Deployment]:
    found = Deployment(environ, index[0])
    yield found
    found.close()


def of_cache(reply: Reply) -> dict[str, Any]:
    return dict(json.loads(reply.body)["slipstream"]["cache"])


def served_beforehand(deployment: Deployment, question: str) -> bool:
    """Whether both wires, whole and streamed, serve the answer that was made beforehand."""
    whole = of_cache(deployment.chat(question))
    streamed = chunks(deployment.chat(question, stream=True))[-1]["slipstream"]["cache"]
    converse = json.loads(deployment.converse(question).headers["x-slipstream-report"])["cache"]
    frames = deployment.converse(question, "converse-stream")
    assert frames.headers["content-type"] == eventstream.CONTENT_TYPE
    told = [whole, streamed, converse]
    return frames.headers["x-slipstream-cache"] == "hit" and all(
        one["outcome"] == "hit" and one["kind"] == "exact" and one["precomputed"] for one in told
    )


def test_what_was_asked_for_days_is_answered_before_it_comes_and_again_once_its_document_has_changed(
    deployment: Deployment, index: tuple[str, MarkingIndex], double: Double, double_port: int
) -> None:
    assert deployment.log(DAYS) == 215
    told, items = deployment.plan("night")
    assert [item["question"] for item in items] == [RETRIES, STOPS, TABLES, MOON, TABLES]
    assert (told["items"], told["skipped"]) == (5, {"few_users": 1})
    assert told["cost_usd"] == pytest.approx(sum(item["cost_usd"] for item in items))
    written = client("dynamodb", deployment.environ["AWS_ENDPOINT_URL_DYNAMODB"]).scan(TableName=TABLE)["Items"]
    assert not any("ada@" in repr(item) or "user1" in repr(item) for item in written if "asked" in item["pk"]["S"])

    filled = deployment.fill("night", items)
    assert {name: filled.get(name, 0) for name in ("answered", "refused", "failed", "held")} == {
        "answered": 4, "refused": 1, "failed": 0, "held": 0,
    }  # fmt: skip
    calls = double.calls()
    assert deployment.fill("night", items) == {"done": 5, "cost_usd": 0.0}

    deployment.clock.now_s += 9 * HOUR_S
    for question in (RETRIES, STOPS, TABLES):
        assert served_beforehand(deployment, question)
    assert double.calls() == calls

    name, documents_ = index
    (old,) = [one for one in documents() if one.id == "retries.md"]
    passage = msgspec.structs.replace(old.passages[0], text=REMADE, end=len(REMADE))
    changed = msgspec.structs.replace(old, version="v2", passages=(passage,))
    assert documents_.write(name, embedded([changed], double_port)) == []
    documents_.refresh(name)

    again, same = deployment.plan("morning", refill=True)
    assert same == [item for item in items if item["question"] != MOON]
    assert again["skipped"] == {"refused_before": 1}
    refilled = deployment.fill("morning", same)
    # with five passages of three documents every answer but the narrow one rests on the changed one
    assert (refilled["answered"], refilled["held"]) == (3, 1)
    assert served_beforehand(deployment, RETRIES)
    reply = deployment.chat(RETRIES)
    assert "three times" in json.loads(reply.body)["choices"][0]["message"]["content"]
    versions = {one["document"]: one["version"] for one in of_cache(reply)["documents"]}
    assert versions["retries.md"] == "v2"


FILL = """
import json, sys, time
from handlers import fill

print("begun", flush=True)
print(json.dumps(fill.respond(json.load(open(sys.argv[1])), fill._fillers(), time.time() + 900)))
"""


def test_a_fill_that_is_killed_is_begun_again_and_pays_for_nothing_twice_but_the_item_in_work(
    environ: dict[str, str], deployment: Deployment, double: Double, tmp_path: Path
) -> None:
    deployment.clock.now_s = time.time() - DAY_S
    for number in range(6):
        for question in (RETRIES, STOPS, TABLES):
            deployment.chat(question, f"user{number}")
    deployment.clock.now_s = time.time()
    _, items = deployment.plan("night")
    begun, asked = double.calls("ConverseStream"), tmp_path / "event.json"

    def filling(*chosen: Any) -> subprocess.Popen[bytes]:
        asked.write_text(json.dumps({"BatchInput": {"run": "night"}, "Items": chosen}))
        more = {"SLIPSTREAM_CACHE_LEASE_S": "1"}
        return subprocess.Popen(
            [sys.executable, "-c", FILL, str(asked)], env=environ | more, stdout=subprocess.PIPE, cwd=ROOT
        )

    def told_by(process: subprocess.Popen[bytes]) -> dict[str, Any]:
        """Its last line; metrics stand before it."""
        return dict(json.loads(process.communicate(timeout=120)[0].splitlines()[-1]))

    assert told_by(filling(items[0]))["answered"] == 1
    double.arm("stall", operation="ConverseStream", after=3, delay_ms=FOREVER_MS)
    killed = filling(*items)
    assert killed.stdout is not None
    assert killed.stdout.readline() == b"begun\n"
    eventually(lambda: double.calls("ConverseStream") == begun + 2)
    killed.kill()
    killed.communicate()

    told = told_by(filling(*items))

    assert {name: told.get(name) for name in ("done", "answered")} == {"done": 1, "answered": 2}
    assert double.calls("ConverseStream") == begun + len(items) + 1
    deployment.clock.now_s = time.time()
    assert all(of_cache(deployment.chat(item["question"]))["precomputed"] for item in items)


def test_a_process_by_itself_fills_its_own_memory(double_port: int, folder: Path, double: Double) -> None:
    environ = environ_of(
        double_port, "http://127.0.0.1:9", SLIPSTREAM_CACHE_TABLE="", SLIPSTREAM_CACHE_BUCKET="",
        SLIPSTREAM_QUERY_LOG_SHARE="1", SLIPSTREAM_CACHE_TTL_S="1", SLIPSTREAM_PRECOMPUTE_PER_MINUTE="6000",
    )  # fmt: skip
    with running(SERVE, environ=environ, folder=folder, name="alone") as process:
        host = Host(process)
        for user in ("ada", "bob"):
            host.chat(temperature=0, user=user)
        gateway = {"SLIPSTREAM_BASE_URL": f"http://127.0.0.1:{host.port}", "SLIPSTREAM_API_KEY": "any"}

        def command(*arguments: str) -> dict[str, Any]:
            result = CliRunner().invoke(main, ["precompute", *arguments, "--json"], env=gateway)
            assert result.exit_code == 0, result.output
            return dict(json.loads(result.stdout))

        run = eventually(lambda: found if (found := command("run", "--wait"))["items"] else None)
        assert (run["state"], run["answered"], run["failed"]) == ("done", 1, 0)
        calls = double.calls()
        told = of_cache(host.chat(temperature=0, user="zoe"))
        assert (told["outcome"], told["precomputed"], double.calls()) == ("hit", True, calls)
        assert command("status")["query_log"] == {"share": 1.0, "days": 90}
        again = command("run", "--refill", "--wait")
        assert (again["held"], again["refill"], double.calls()) == (1, True, calls)

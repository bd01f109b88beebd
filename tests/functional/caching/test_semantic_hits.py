"""Another wording of a question over an index, end to end: real sockets, real vectors, several environments."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from bench.processes import running
from slipstream.aws.answer_store import DynamoAnswerStore
from slipstream.aws.document_index import OpenSearchDocuments, connect
from slipstream.caching.marking import MarkingIndex
from slipstream.retrieval.document import Document, Passage
from slipstream.retrieval.ports import IndexSpec
from tests.contract.caching.conftest import services_at
from tests.contract.caching.moto_server import TABLE, client
from tests.functional.caching.conftest import environ_of
from tests.functional.caching.test_kept_answers import chunks, text_of
from tests.functional.faults.conftest import FOREVER_MS, SERVE, Double, Host, Reply, eventually
from tests.functional.retrieval.conftest import embedded

INDEX = f"wordings-{uuid.uuid4().hex[:12]}"
RAG = f"rag:{INDEX}@fast"
ASKED = "How tall is the old lighthouse of Rosshaven?"
REWORDED = "Hello, please: how tall is the old lighthouse of Rosshaven?"
OTHER = "How tall is the new lighthouse of Rosshaven?"
WIDE = {
    "SLIPSTREAM_CACHE_SEMANTIC_LIMIT_MS": "10000",
    "SLIPSTREAM_LEG_TIMEOUT_MS": "10000",
    "SLIPSTREAM_CACHE_CHECK_SHARE": "0",
}
"""A busy machine is no fault; and no hit is given up for a check."""


def lighthouse(metres: int, double_port: int) -> list[Document]:
    text = f"The old lighthouse of Rosshaven is {metres} metres tall. It was built of granite."
    plain = Document("rosshaven", "Rosshaven", f"v{metres}", (Passage(0, text, 0, len(text)),))
    return embedded([plain], double_port)


@pytest.fixture(scope="module")
def index(double_port: int, double_url: str, moto_url: str) -> Iterator[MarkingIndex]:
    """The documents, whose changes end answers as ingestion's do."""
    with services_at(moto_url) as (answers, objects), ExitStack() as parts:
        opensearch = connect(double_url)
        parts.callback(opensearch.close)
        plain = OpenSearchDocuments(opensearch, faiss=False)
        plain.create(INDEX, IndexSpec(dimensions=256))
        plain.write(INDEX, lighthouse(41, double_port))
        plain.refresh(INDEX)
        yield MarkingIndex(plain, DynamoAnswerStore(answers, objects))


@pytest.fixture(scope="module")
def towns(double_port: int, double_url: str, moto_url: str, folder: Path, index: MarkingIndex) -> Iterator[list[Host]]:
    """Two environments that answer over the index."""
    del index
    environ = environ_of(double_port, moto_url, OPENSEARCH_URL=double_url, **WIDE)
    with ExitStack() as parts:
        yield [
            Host(parts.enter_context(running(SERVE, environ=environ, folder=folder, name=f"town{n}"))) for n in (1, 2)
        ]


def known(url: str) -> list[str]:
    items = client("dynamodb", url).scan(TableName=TABLE)["Items"]
    return sorted(item["text"]["S"] for item in items if "text" in item)


def ask(host: Host, question: str, model: str = RAG, **fields: Any) -> Reply:
    reply = host.chat(model=model, messages=[{"role": "user", "content": question}], stream=True, **fields)
    assert reply.status == 200, reply.body
    return reply


def cache_of(reply: Reply) -> dict[str, Any]:
    return dict(chunks(reply)[-1]["slipstream"]["cache"])


def kind_of(reply: Reply) -> tuple[str, str | None]:
    told = cache_of(reply)
    return told["outcome"], told.get("kind")


def test_a_miss_an_exact_hit_a_semantic_hit_and_after_a_change_a_miss(
    towns: list[Host], table: str, double: Double, double_port: int, index: MarkingIndex
) -> None:
    first = ask(towns[0], ASKED)
    eventually(lambda: known(table) == [ASKED])
    again, reworded = ask(towns[0], ASKED), ask(towns[0], REWORDED)
    elsewhere = ask(towns[1], REWORDED)
    assert [kind_of(reply) for reply in (first, again, reworded, elsewhere)] == [
        ("miss", None), ("hit", "exact"), ("hit", "semantic"), ("hit", "semantic"),
    ]  # fmt: skip
    assert "41 metres" in text_of(first)
    assert len({text_of(reply) for reply in (first, again, reworded, elsewhere)}) == 1
    assert cache_of(reworded)["question"] == ASKED
    assert [one["version"] for one in cache_of(reworded)["documents"]] == ["v41"]
    assert towns[0].metrics_of(reworded)["cache_semantic_hit"] == 1
    eventually(lambda: known(table) == [REWORDED, ASKED])

    index.write(INDEX, lighthouse(57, double_port))
    index.refresh(INDEX)
    for host, question in ((towns[0], REWORDED), (towns[1], ASKED)):
        changed = ask(host, question)
        assert kind_of(changed) == ("miss", None)
        assert "57 metres" in text_of(changed)
    index.write(INDEX, lighthouse(41, double_port))
    index.refresh(INDEX)


def test_a_question_that_means_something_else_is_asked_of_the_model(
    towns: list[Host], table: str, double: Double
) -> None:
    ask(towns[0], ASKED)
    eventually(lambda: known(table) == [ASKED])
    before = double.calls()
    other = ask(towns[0], OTHER)
    assert kind_of(other)[0] == "miss"
    assert "reason" in cache_of(other)["semantic"]
    assert double.calls() > before
    eventually(lambda: OTHER in known(table))  # or it would be written into the next test's table


def test_plain_chat_is_compared_where_a_request_chooses_so(towns: list[Host], table: str, double: Double) -> None:
    del double
    chosen: Any = {"model": "fast", "temperature": 0, "slipstream": {"cache": "semantic"}}
    first = ask(towns[0], ASKED, **chosen)
    eventually(lambda: ASKED in known(table))
    whole = towns[1].post("/v1/chat/completions", {"messages": [{"role": "user", "content": REWORDED}], **chosen})
    told = json.loads(whole.body)
    assert (whole.headers["x-slipstream-cache"], told["slipstream"]["cache"]["kind"]) == ("hit", "semantic")
    assert told["choices"][0]["message"]["content"] == text_of(first)
    by_default = ask(towns[0], REWORDED, model="fast", temperature=0)
    assert "semantic" not in cache_of(by_default)
    assert kind_of(by_default)[0] == "miss"


@pytest.mark.parametrize("fault", ["throttle", "drop"])
def test_an_embedding_model_that_fails_is_a_miss_and_counted(
    towns: list[Host], table: str, double: Double, fault: str
) -> None:
    del table
    double.arm(fault, model="amazon.titan*", times=0)
    reply = ask(towns[0], f"{ASKED} {fault}", model="fast", temperature=0, slipstream={"cache": "semantic"})
    assert kind_of(reply) == ("miss", None)
    assert cache_of(reply)["semantic"]["reason"] == "unavailable"
    assert towns[0].metrics_of(reply)["cache_semantic_unavailable"] == 1


def test_a_writer_that_is_killed_in_mid_stream_leaves_no_question_that_leads_to_half_an_answer(
    double_port: int, towns: list[Host], table: str, folder: Path, double: Double
) -> None:
    chosen: Any = {"model": "fast", "temperature": 0, "slipstream": {"cache": "semantic"}}
    double.arm("stall", after=3, delay_ms=FOREVER_MS)
    environ = environ_of(double_port, table, SLIPSTREAM_CACHE_LEASE_S="1", **WIDE)
    with running(SERVE, environ=environ, folder=folder, name="dies") as dies:

        def begin() -> None:
            with suppress(OSError, HTTPException):
                ask(Host(dies), ASKED, **chosen)

        asking = Thread(target=begin)
        asking.start()
        eventually(lambda: double.control("stats")["active_streams"] == 1)
        dies.process.kill()
        asking.join(60)
    assert known(table) == []
    reply = ask(towns[0], REWORDED, **chosen)
    assert kind_of(reply) == ("miss", None)
    assert reply.body.endswith(b"[DONE]\n\n")


THINGS = (
    "castle", "windmill", "chapel", "bridge", "lighthouse", "cathedral", "library", "obelisk", "silo", "crane",
    "pagoda", "aqueduct", "gasometer", "chimney", "stadium", "monastery", "fountain", "pyramid", "steeple", "granary",
)  # fmt: skip
WAYS = (
    "how tall is the {}?", "Hello, how tall is the {}?", "please, how tall is the {}", "How tall is a {}?",
    "Hi! How tall is the {}, please?", "how tall is the {}, thanks", "Hey, how tall is the {}?",
    "Tell me how tall is the {}?", "Kindly: how tall is the {}?", "Hi, kindly: how tall is a {}?",
)  # fmt: skip


def test_two_hundred_wordings_of_twenty_questions_at_once_each_get_their_own_answer(
    towns: list[Host], table: str, double: Double
) -> None:
    told = "\n\n".join(f"The {thing} is {100 + n} metres tall." for n, thing in enumerate(THINGS))
    chosen: Any = {"model": "fast", "temperature": 0, "slipstream": {"cache": "semantic"}}
    system = {"role": "system", "content": told}

    def says(question: str, thing: str) -> tuple[str, str, str]:
        reply = towns[0].chat(messages=[system, {"role": "user", "content": question}], stream=True, **chosen)
        return thing, text_of(reply), cache_of(reply)["outcome"]

    first = {thing: says(WAYS[0].format(thing), thing)[1] for thing in THINGS}
    assert len(set(first.values())) > len(THINGS) / 2
    eventually(lambda: len(known(table)) == len(THINGS))
    with ThreadPoolExecutor(200) as pool:
        replies = list(
            pool.map(says, *zip(*((way.format(thing), thing) for way in WAYS for thing in THINGS), strict=True))
        )
    assert [(thing, text) for thing, text, _ in replies if text != first[thing]] == []
    # On a busy machine some vectors and look-ups take too long for that many at once: those are misses, and as right.
    assert [outcome for _, _, outcome in replies].count("hit") > len(THINGS)

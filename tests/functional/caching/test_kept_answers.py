"""Kept answers end to end: both wires, streamed and whole, several environments, a table that fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.processes import running
from tests.contract.caching.moto_server import BUCKET, TABLE, client
from tests.functional.caching.conftest import environ_of
from tests.functional.faults.conftest import FOREVER_MS, SERVE, Double, Host, Reply, eventually


def kept(url: str) -> list[dict[str, Any]]:
    """The answers in the table."""
    items = client("dynamodb", url).scan(TableName=TABLE)["Items"]
    return [item for item in items if "entry_id" in item]


def chunks(reply: Reply) -> list[dict[str, Any]]:
    lines = [line[6:] for line in reply.body.decode().splitlines() if line.startswith("data: {")]
    return [json.loads(line) for line in lines]


def text_of(reply: Reply) -> str:
    pieces = (choice["delta"].get("content") or "" for chunk in chunks(reply) for choice in chunk["choices"])
    return "".join(pieces)


def asked(host: Host, url: str, **fields: Any) -> Reply:
    """An answer that was kept: what happens after the last byte is waited for."""
    before = len(kept(url))
    reply = host.chat(temperature=0, **fields)
    host.metrics_of(reply)  # the last of it: until then others still join this answer
    assert len(kept(url)) == before + 1
    return reply


def test_a_stream_is_replayed_piece_by_piece_by_another_environment(
    hosts: list[Host], table: str, double: Double
) -> None:
    first = asked(hosts[0], table, stream=True)
    again = hosts[1].chat(temperature=0, stream=True)
    assert (first.headers["x-slipstream-cache"], again.headers["x-slipstream-cache"]) == ("miss", "hit")
    assert text_of(first) == text_of(again) != ""
    assert len(chunks(first)) == len(chunks(again))
    assert double.calls() == 1
    report = chunks(again)[-1]["slipstream"]
    assert report["cost_usd"] == 0.0
    assert report["saved_usd"] == chunks(first)[-1]["slipstream"]["cost_usd"] > 0
    assert report["tokens"] == chunks(first)[-1]["slipstream"]["tokens"]


def test_whole_answers_on_both_wires_come_from_what_was_streamed_on_one(
    hosts: list[Host], table: str, double: Double
) -> None:
    first = asked(hosts[0], table, stream=True, max_tokens=100)
    whole = hosts[0].chat(temperature=0, max_tokens=100)
    assert json.loads(whole.body)["choices"][0]["message"]["content"] == text_of(first)
    assert int(whole.headers["age"]) >= 0
    bedrock = {"inferenceConfig": {"temperature": 0, "maxTokens": 100}}
    converse = hosts[1].converse(**bedrock)
    assert json.loads(converse.body)["output"]["message"]["content"] == [{"text": text_of(first)}]
    assert json.loads(converse.headers["x-slipstream-report"])["cache"]["outcome"] == "hit"
    streamed = hosts[1].converse(operation="converse-stream", **bedrock)
    assert streamed.headers["x-slipstream-cache"] == "hit"
    assert b"messageStop" in streamed.body
    assert double.calls() == 1


def test_headers_choose_on_bedrocks_wire(hosts: list[Host], table: str, double: Double) -> None:
    asked(hosts[0], table)
    body: Any = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "inferenceConfig": {"temperature": 0.9}}
    path = "/model/us.amazon.nova-lite-v1:0/converse"
    assert "x-slipstream-cache" not in hosts[0].post(path, body).headers
    chosen = {"x-slipstream-cache": "exact", "x-slipstream-max-age-s": "60"}
    assert hosts[0].post(path, body, chosen).headers["x-slipstream-cache"] == "miss"
    eventually(lambda: len(kept(table)) == 2)
    assert hosts[1].post(path, body, chosen).headers["x-slipstream-cache"] == "hit"
    assert hosts[1].post(path, body, {"x-slipstream-cache": "refresh"}).headers["x-slipstream-cache"] == "refresh"
    assert double.calls() == 4


def test_a_cut_answer_is_not_kept(hosts: list[Host], table: str, double: Double) -> None:
    for host in hosts:
        assert json.loads(host.chat(temperature=0, max_tokens=3).body)["choices"][0]["finish_reason"] == "length"
    assert (double.calls(), kept(table)) == (2, [])


def test_a_stream_that_breaks_is_not_kept_and_the_next_caller_gets_a_whole_one(
    hosts: list[Host], table: str, double: Double
) -> None:
    double.arm("cut", after=3)
    assert b"[DONE]" not in hosts[0].chat(temperature=0, stream=True).body
    assert kept(table) == []
    assert asked(hosts[1], table, stream=True).body.endswith(b"[DONE]\n\n")


def test_a_large_answer_lies_in_the_bucket_and_a_corrupt_or_missing_one_is_made_anew(
    hosts: list[Host], table: str, double: Double
) -> None:
    s3 = client("s3", table)
    first = asked(hosts[0], table)
    (item,) = kept(table)
    dynamodb = client("dynamodb", table)
    key = item["sk"]["S"]
    name = f"answers/{key[:2]}/{key}/{item['entry_id']['S']}"
    s3.put_object(Bucket=BUCKET, Key=name, Body=item["body"]["B"])
    dynamodb.update_item(
        TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]}, UpdateExpression="SET #p = :o REMOVE body",
        ExpressionAttributeNames={"#p": "place"}, ExpressionAttributeValues={":o": {"S": "object"}},
    )  # fmt: skip
    served = hosts[1].chat(temperature=0)
    assert served.headers["x-slipstream-cache"] == "hit"
    assert json.loads(served.body)["choices"] == json.loads(first.body)["choices"]
    s3.put_object(Bucket=BUCKET, Key=name, Body=item["body"]["B"][:-1] + b"?")
    # What the second environment remembers is still the right body; the first one has only seen it being made.
    spoilt = hosts[0].chat(temperature=0)
    told = json.loads(spoilt.body)["slipstream"]["cache"]
    assert (told["outcome"], told["dropped"]) == ("miss", "corrupt")
    assert double.calls() == 2


def test_an_operator_ends_answers_by_key_and_by_whose_they_are(hosts: list[Host], table: str, double: Double) -> None:
    first = asked(hosts[0], table)
    key = json.loads(first.body)["slipstream"]["cache"]["key"]
    other = asked(hosts[0], table, max_tokens=100)
    assert hosts[1].chat(temperature=0).headers["x-slipstream-cache"] == "hit"
    ended = hosts[0].post("/v1/cache/purge", {"tenant": "default", "prefix": key})
    assert json.loads(ended.body)["answers"] == 1
    assert hosts[1].chat(temperature=0).headers["x-slipstream-cache"] == "miss"
    assert hosts[1].chat(temperature=0, max_tokens=100).headers["x-slipstream-cache"] == "hit"
    eventually(lambda: len(kept(table)) == 2)
    assert json.loads(hosts[0].post("/v1/cache/purge", {"tenant": "default"}).body)["answers"] == 2
    assert kept(table) == []
    assert (other.status, double.calls()) == (200, 3)


@pytest.fixture
def cut_off(double_port: int, folder: Path) -> Iterator[Host]:
    """A gateway whose table cannot be reached."""
    environ = environ_of(double_port, "http://127.0.0.1:9")
    with running(SERVE, environ=environ, folder=folder, name="cut-off") as process:
        yield Host(process)


def test_without_its_table_every_answer_is_made_anew_and_that_is_counted(cut_off: Host, double: Double) -> None:
    for length in (300, 301):
        reply = cut_off.chat(temperature=0, max_tokens=length)
        assert (reply.status, reply.headers["x-slipstream-cache"]) == (200, "unavailable")
    assert double.calls() == 2
    assert cut_off.metrics_of(reply)["cache_unavailable"] == 1


def test_a_table_that_is_throttled_is_a_miss(double_port: int, folder: Path, double: Double) -> None:
    from tests.functional.caching.throttling import throttling

    with throttling() as url:
        environ = environ_of(double_port, url)
        with running(SERVE, environ=environ, folder=folder, name="throttled") as process:
            reply = Host(process).chat(temperature=0)
            assert (reply.status, reply.headers["x-slipstream-cache"]) == (200, "unavailable")
            assert Host(process).metrics_of(reply)["cache_unavailable"] == 1


def test_a_race_that_a_kept_answer_wins_ends_the_models_call(hosts: list[Host], table: str, double: Double) -> None:
    asked(hosts[0], table)
    double.arm("slow", delay_ms=FOREVER_MS)
    for host in hosts:  # one that remembers the answer, and one that has to fetch it
        reply = host.chat(temperature=0, slipstream={"cache": "race"})
        told = json.loads(reply.body)["slipstream"]
        assert (reply.headers["x-slipstream-cache"], "paid" in told["cache"]["raced"]) == ("hit", True)
        assert told["cost_usd"] > 0
        double.arm("slow", delay_ms=FOREVER_MS)
    eventually(lambda: double.aborted() == len(hosts))

"""A poisoned answer, reported by a reader: it ends for all environments, and the report tells of it."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from typing import Any

from slipstream.gateway.feedback_id import FeedbackId, encode
from tests.contract.caching.moto_server import TABLE, client
from tests.functional.caching.test_kept_answers import asked, kept
from tests.functional.faults.conftest import Double, Host, eventually


def report(host: Host) -> dict[str, Any]:
    with closing(http.client.HTTPConnection("127.0.0.1", host.port, timeout=60)) as connection:
        connection.request("GET", "/v1/cache/report?tenant=default&days=2")
        response = connection.getresponse()
        assert response.status == 200
        return dict(json.loads(response.read()))


def feedback_id(url: str) -> str:
    """Of the one answer that is kept."""
    (item,) = kept(url)
    key = item["sk"]["S"]
    return encode(FeedbackId(asked=key, answer=key, entry=item["entry_id"]["S"], family=""))


def test_a_poisoned_answer_is_served_until_a_reader_says_so_and_then_by_nobody(
    hosts: list[Host], table: str, double: Double
) -> None:
    asked(hosts[0], table)
    told = {"id": feedback_id(table), "correct": False}
    assert [host.chat(temperature=0).headers["x-slipstream-cache"] for host in hosts] == ["hit", "hit"]

    ended = hosts[1].post("/v1/feedback", told)
    assert (ended.status, json.loads(ended.body)["ended"]) == (200, True)
    again = hosts[0].chat(temperature=0)
    assert again.headers["x-slipstream-cache"] == "miss"
    hosts[0].metrics_of(again)
    assert len(kept(table)) == 1
    assert double.calls() == 2
    late = hosts[1].post("/v1/feedback", told)
    assert (late.status, json.loads(late.body)["error"]["code"]) == (404, "answer_not_found")
    assert hosts[1].chat(temperature=0).headers["x-slipstream-cache"] == "hit", "the new answer is not meant"


def test_what_was_right_goes_on_being_served(hosts: list[Host], table: str, double: Double) -> None:
    asked(hosts[0], table)
    right = hosts[0].post("/v1/feedback", {"id": feedback_id(table), "correct": True})

    assert (right.status, json.loads(right.body)["ended"]) == (200, False)
    assert hosts[1].chat(temperature=0).headers["x-slipstream-cache"] == "hit"
    assert double.calls() == 1


def test_the_report_tells_what_environments_have_counted(hosts: list[Host], table: str, double: Double) -> None:
    asked(hosts[0], table)

    def counted() -> bool:
        """Counts come after the last byte, and not with each request."""
        hosts[0].chat(temperature=0)
        found = report(hosts[1])
        return bool(found["useful"]) and found["hits"]["exact"]["count"] > 0

    eventually(counted)
    found = report(hosts[1])
    assert double.calls() == 1
    assert found["namespace"] == "tenant:default"
    assert found["saved_usd"] > 0
    assert found["useful"][0]["key"] == kept(table)[0]["sk"]["S"]
    assert found["semantic"]["false_hits"]["rate"] is None
    items = client("dynamodb", table).scan(TableName=TABLE)["Items"]
    assert all("ttl_s" in item for item in items), "everything goes when its time is over"

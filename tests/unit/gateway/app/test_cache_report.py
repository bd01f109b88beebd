"""``GET /v1/cache/report``: what the cache was worth, and how often a hit would have been wrong."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from slipstream.caching.day import day_of
from slipstream.caching.semantic.calibration import Cut
from slipstream.caching.semantic.policy import Label, Seen
from slipstream.caching.semantic.verifier import Calibration
from slipstream.caching.tally import PAUSE_S, Counted, Used
from slipstream.caching.worth import DAY_S, PREVIEW_CHARS, SHOWN, worth
from slipstream.errors import InvalidRequest, PermissionDenied
from slipstream.gateway.app import create_app
from slipstream.gateway.http import HttpRequest, Principal
from slipstream.gateway.openai.cache_report import cache_report
from slipstream.gateway.openai.purge import NoCache
from tests.unit.gateway.app.test_feedback import ACME, ANSWER, CANDIDATE, FAMILY, World
from tests.unit.gateway.scripted import gateway

ADMIN = Principal(key_id="k", tenant="ops", scopes=frozenset({"admin"}))


def counted(world: World, *requests: Counted) -> None:
    """Count them, and a request of somebody else after a while, with which the last of them is written."""
    for request in requests:
        world.knowledge.tally.count(request)
    for _ in range(4):
        world.clock.sleep(PAUSE_S)
        world.knowledge.tally.count(Counted(namespace="tenant:other", outcome="miss"))


def report(world: World, *, days: int = 7) -> dict[str, Any]:
    return worth(world.knowledge, ACME, days=days, now_s=world.clock())


def request(outcome: str = "miss", **more: Any) -> Counted:
    return Counted(namespace=ACME, outcome=outcome, **more)


def test_hits_by_kind_and_what_they_saved() -> None:
    world = World()
    exact = request("hit", kind="exact", key=ANSWER, saved_usd=0.25, saved_ms=800.0)
    semantic = request("hit", kind="semantic", key=ANSWER, family=FAMILY, saved_usd=0.5, saved_ms=1200.0)
    counted(world, exact, exact, semantic, request("joined", saved_usd=0.25), *[request()] * 4)
    found = report(world)

    assert (found["requests"], found["hit_rate"]) == (8, 0.5)
    assert found["hits"] == {
        "exact": {"count": 2, "rate": 0.25},
        "semantic": {"count": 1, "rate": 0.125},
        "joined": {"count": 1, "rate": 0.125},
    }
    assert (found["saved_usd"], found["saved_s"]) == (1.25, 2.8)


def test_the_measured_false_hit_rate_is_of_checks_of_what_would_have_been_served_with_its_interval() -> None:
    world = World()
    served = {"would_serve": True}
    counted(
        world,
        *[request(check="same", **served)] * 95,
        *[request(check="different", **served)] * 5,
        *[request(check="different")] * 40,
        *[request(check="undecided", **served)] * 3,
    )
    found = report(world)["semantic"]

    assert found["checks"] == {"same": 95, "different": 45, "undecided": 3}
    assert (found["false_hits"]["checked"], found["false_hits"]["wrong"]) == (100, 5)
    assert found["false_hits"]["rate"] == 0.05
    assert found["false_hits"]["low_95"] == pytest.approx(0.0164, abs=1e-4)
    assert found["false_hits"]["high_95"] == pytest.approx(0.1128, abs=1e-4)


def test_without_checks_no_rate_is_made_up() -> None:
    found = report(World())

    assert (found["requests"], found["hit_rate"]) == (0, None)
    assert found["semantic"]["false_hits"] == {
        "checked": 0, "wrong": 0, "rate": None, "low_95": None, "high_95": None,
    }  # fmt: skip
    assert (found["useful"], found["doubtful"]) == ([], [])


def test_it_says_what_was_learnt() -> None:
    world = World()
    for number in range(3):
        world.labels.tell(ACME, FAMILY, Label(Seen(f"a {number}", f"b {number}", 0.9), True, drawn=number > 0))
    cut = Cut(1.5, 0.015, 100, 0, 0.004, 0.75)
    world.labels.keep(ACME, Calibration(learnt=True, cut=cut), world.labels.progress(ACME))
    found = report(world)["semantic"]

    assert found["labels"] == {"checked": 2, "all": 3}
    assert found["learnt"]["labels"] == 3
    assert (found["epsilon"], found["share_served"], found["bound"]) == (0.01, 0.75, 0.015)


def test_the_most_useful_answers_come_first_with_their_question_where_it_is_known() -> None:
    world = World()
    day = day_of(world.clock())
    for number in range(SHOWN + 5):
        world.counts.add(ACME, day, Used(f"{number:064x}", "", {"hits": float(number + 1)}))
    world.counts.add(ACME, day, Used(ANSWER, FAMILY, {"hits": 99.0, "saved_usd": 1.5, "saved_ms": 2000.0}))
    found = report(world)["useful"]

    assert found[0] == {"key": ANSWER, "question": CANDIDATE, "hits": 99, "saved_usd": 1.5, "saved_s": 2.0}
    assert [one["hits"] for one in found] == [99, *range(SHOWN + 5, 6, -1)]
    assert all("question" not in one for one in found[1:])


def test_a_long_question_is_shown_by_its_beginning() -> None:
    world = World()
    world.know(ANSWER, "why " * 400, [1.0, 0.0])
    world.counts.add(ACME, day_of(world.clock()), Used(ANSWER, FAMILY, {"hits": 1.0}))

    assert len(report(world)["useful"][0]["question"]) == PREVIEW_CHARS


def test_doubtful_are_those_reported_as_wrong_and_then_those_served_near_the_cut() -> None:
    world = World()
    day = day_of(world.clock())
    world.counts.add(ACME, day, Used("1" * 64, "", {"hits": 50.0}))
    world.counts.add(ACME, day, Used("2" * 64, "", {"hits": 5.0, "close": 4.0}))
    world.counts.add(ACME, day, Used("3" * 64, "", {"hits": 1.0, "reported_wrong": 1.0}))

    assert [(one["key"][0], one["reported_wrong"], one["close"]) for one in report(world)["doubtful"]] == [
        ("3", 1, 0),
        ("2", 0, 4),
    ]


def test_days_add_up_and_older_ones_are_left_out() -> None:
    world = World()
    for ago in range(10):
        world.counts.add(ACME, day_of(world.clock() - ago * DAY_S), Used("", "", {"requests": 1.0}))

    assert report(world, days=3)["requests"] == 3
    found = report(world)
    assert (found["requests"], found["from"], found["to"]) == (
        7, day_of(world.clock() - 6 * DAY_S), day_of(world.clock()),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "namespace"),
    [
        ({"tenant": "acme"}, "tenant:acme"),
        ({"namespace": "group"}, "shared:group"),
        ({}, "tenant:ops"),
        ({"tenant": "acme", "days": "30"}, "tenant:acme"),
    ],
)
def test_whose_report_it_is(query: dict[str, str], namespace: str) -> None:
    world = World()

    assert cache_report(lambda: world.knowledge, query, ADMIN, clock=world.clock)["namespace"] == namespace


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"tenant": "a", "namespace": "b"}, "tenant"),
        ({"days": "0"}, "days"),
        ({"days": "31"}, "days"),
        ({"days": "1e1"}, "days"),
        ({"tenants": "a"}, "tenants"),
    ],
)
def test_a_query_that_is_not_clear_is_told_its_field(query: dict[str, str], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        cache_report(lambda: World().knowledge, query, ADMIN)
    assert refused.value.param == param


def test_only_an_admins_key_may() -> None:
    with pytest.raises(PermissionDenied, match="admin"):
        cache_report(lambda: World().knowledge, {}, Principal(key_id="k"))
    with pytest.raises(NoCache):
        cache_report(None, {}, ADMIN)


def test_the_route_takes_a_key_that_may_do_nothing_else() -> None:
    world = World()
    app = create_app(gateway(knowledge=lambda: world.knowledge))
    response = app(HttpRequest("GET", "/prod/v1/cache/report", {}, query={"tenant": "acme"}, principal=ADMIN))

    assert response.status == 200
    assert msgspec.json.decode(b"".join(response.body))["namespace"] == "tenant:acme"
    assert app(HttpRequest("GET", "/v1/cache/report", {})).status == 403
    assert app(HttpRequest("POST", "/v1/cache/report", {}, principal=ADMIN)).status == 405

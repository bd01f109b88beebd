"""From a log of several days to the questions of the next one."""

from __future__ import annotations

import msgspec
import pytest

from slipstream.caching.filling.asked import Family
from slipstream.caching.filling.mining import Mined, mine
from slipstream.caching.filling.planning import Planning
from slipstream.caching.filling.recorder import DAY_S, Recorder, day_of
from slipstream.caching.filling.runs import Filled, Item, items_of
from slipstream.caching.precompute.plan import Budget
from slipstream.caching.precompute.value import Costs, Valuation
from slipstream.chat.request import ChatRequest, Text
from slipstream.fakes.asked_store import MemoryAskedStore
from slipstream.fakes.fill_runs import MemoryPlans, MemoryRuns
from slipstream.models.resolve import Resolver
from tests.unit.caching.filling.asked_days import ACME, asking, log_days
from tests.unit.caching.kept import Clock


def price(bare: ChatRequest) -> Valuation:
    return Valuation(Costs(model=bare.model), Resolver())


def mined(asked: MemoryAskedStore, clock: Clock, budget: Budget | None = None) -> Mined:
    return mine(asked, price, budget or Budget(10, 1.0), today=day_of(clock.now_s), days=90)


def questions(found: Mined) -> list[str]:
    return [item.question for item in found.items]


def test_what_many_ask_each_day_is_answered_beforehand_the_most_asked_first() -> None:
    asked, clock = MemoryAskedStore(), Clock()
    log_days(asked, clock, 4, {"How often?": 9, "how often": 2, "Why not?": 5})

    found = mined(asked, clock)

    assert questions(found) == ["How often?", "Why not?"]
    first = found.items[0]
    assert first.expected_hits == pytest.approx(11, rel=0.2)
    assert (first.namespace, len(first.family), len(first.key)) == (ACME, 32, 32)
    assert found.cost_usd == pytest.approx(sum(item.cost_usd for item in found.items))


def test_what_one_user_asks_is_left_out_however_often_and_on_however_many_days() -> None:
    asked, clock = MemoryAskedStore(), Clock()
    recorder = Recorder(asked, share=1.0, days=90, clock=clock, random=lambda: 0.0)
    for _ in range(5):
        for _ in range(9):
            recorder.note(asking("What ails me?", user="ada"), ACME)
            recorder.note(asking("Nobody says who asks this", user=None), ACME)
        recorder.note(asking("And the sun?", user="ada"), ACME)
        recorder.note(asking("and the sun", user="bob"), ACME)
        clock.now_s += DAY_S

    found = mined(asked, clock)

    assert questions(found) == ["And the sun?"]
    assert found.skipped == {"few_users": 2}
    assert len(questions(mined(asked, clock, Budget(10, 1.0, min_users=1)))) == 3


def test_todays_half_day_does_not_count_unless_there_is_no_other() -> None:
    asked, clock = MemoryAskedStore(), Clock()
    log_days(asked, clock, 1, {"Yesterday's?": 4})
    clock.now_s -= DAY_S
    assert questions(mined(asked, clock)) == ["Yesterday's?"]

    clock.now_s += DAY_S
    recorder = Recorder(asked, share=1.0, days=90, clock=clock, random=lambda: 0.0)
    for number in range(9):
        recorder.note(asking("Only today's?", user=f"u{number}"), ACME)
    assert questions(mined(asked, clock)) == ["Yesterday's?"]


def test_what_has_not_been_asked_for_long_is_expected_less() -> None:
    asked, clock = MemoryAskedStore(), Clock()
    log_days(asked, clock, 3, {"How often?": 9})
    before = mined(asked, clock).items[0].expected_hits
    clock.now_s += 5 * DAY_S

    after = mined(asked, clock)

    assert sum(item.expected_hits for item in after.items) < before / 2


def test_families_share_one_budget() -> None:
    asked, clock = MemoryAskedStore(), Clock()
    log_days(asked, clock, 3, {"a?": 9, "b?": 3})
    clock.now_s -= 3 * DAY_S
    log_days(asked, clock, 3, {"a?": 6}, system=[Text("Be brief.")])
    clock.now_s -= 3 * DAY_S
    log_days(asked, clock, 3, {"a?": 4}, namespace="shared:group", model="best")

    found = mined(asked, clock, Budget(3, None))
    dear = mined(asked, clock, Budget(10, found.items[0].cost_usd * 1.5))

    assert len(found.items) == 3
    assert len({(item.namespace, item.family) for item in mined(asked, clock).items}) == 3
    assert len({item.key for item in mined(asked, clock).items}) == 4
    assert dear.cost_usd <= found.items[0].cost_usd * 1.5


def test_families_without_a_price_or_of_other_code_are_told_and_spoil_nothing() -> None:
    asked, clock = MemoryAskedStore(), Clock()
    log_days(asked, clock, 2, {"How often?": 4})
    clock.now_s -= 2 * DAY_S
    log_days(asked, clock, 2, {"How often?": 4}, model="vendor.unheard-of-v1:0")
    asked.describe(Family(namespace=ACME, family="x" * 32, template=b'{"model": 7}'), until_s=0)

    found = mined(asked, clock)

    assert questions(found) == ["How often?"]
    assert found.skipped == {"families_without_price": 2}


def test_the_same_log_is_mined_the_same_way() -> None:
    plans = []
    for _ in range(2):
        asked, clock = MemoryAskedStore(), Clock()
        log_days(asked, clock, 3, {f"Question {n}?": 2 + n % 3 for n in range(12)})
        plans.append(mined(asked, clock))

    assert plans[0] == plans[1]


class Nights:
    """Plans over one log."""

    def __init__(self) -> None:
        self.asked, self.clock = MemoryAskedStore(), Clock()
        self.runs, self.plans = MemoryRuns(), MemoryPlans()
        self.planning = Planning(
            asked=self.asked, runs=self.runs, files=self.plans, price=price, budget=Budget(10, 1.0), days=90,
            clock=self.clock,
        )  # fmt: skip

    def items(self, told: dict[str, str]) -> list[Item]:
        return items_of(self.plans.get(told["key"]) or b"")


def test_a_plan_is_written_down_and_told() -> None:
    nights = Nights()
    log_days(nights.asked, nights.clock, 3, {"How often?": 4})

    told = nights.planning.plan("r1")

    (item,) = nights.items(told)
    assert item.question == "How often?"
    assert told == {
        "run": "r1", "bucket": "", "key": "precompute/r1/items.jsonl", "items": 1, "cost_usd": item.cost_usd,
        "skipped": {},
    }  # fmt: skip
    run = nights.runs.get("r1")
    assert run is not None
    assert (run.items, run.budget_usd, run.started_s) == (1, 1.0, nights.clock.now_s)
    assert msgspec.json.encode(told)


def test_a_log_without_anything_in_it_makes_an_empty_plan() -> None:
    nights = Nights()

    told = nights.planning.plan("r1")

    assert (told["items"], nights.items(told)) == (0, [])


def test_a_refill_takes_the_last_plan_again_and_mines_nothing() -> None:
    nights = Nights()
    log_days(nights.asked, nights.clock, 3, {"How often?": 4})
    first = nights.planning.plan("r1")
    nights.clock.now_s += 60
    log_days(nights.asked, nights.clock, 3, {"Something else?": 40})

    again = nights.planning.plan("r2", refill=True)
    nights.clock.now_s += 60
    third = nights.planning.plan("r3", refill=True)

    assert nights.items(again) == nights.items(third) == nights.items(first) != []
    assert [one.refill for one in nights.runs.newest()] == [True, True, False]


def test_a_refill_leaves_out_what_was_refused_since_the_plan_was_made() -> None:
    nights = Nights()
    log_days(nights.asked, nights.clock, 3, {"Held?": 9, "Unsupported?": 6, "Unsupported later?": 5, "Failed?": 4})
    held, never, later, failed = nights.items(nights.planning.plan("r1"))
    for filled in (
        Filled(key=held.key, outcome="answered"),
        Filled(key=never.key, outcome="refused", reason="unsupported"),
        Filled(key=later.key, outcome="answered"),
        Filled(key=failed.key, outcome="failed", reason="upstream_timeout"),
    ):
        nights.runs.fill("r1", filled)
    nights.clock.now_s += 60

    first = nights.planning.plan("r2", refill=True)
    nights.runs.fill("r2", Filled(key=later.key, outcome="refused", reason="unsupported"))
    nights.clock.now_s += 60
    second = nights.planning.plan("r3", refill=True)

    assert nights.items(first) == [held, later, failed]
    assert nights.items(second) == [held, failed]
    assert second["skipped"] == {"refused_before": 2}


def test_a_refill_before_the_first_plan_has_nothing_to_do() -> None:
    assert Nights().planning.plan("r1", refill=True)["items"] == 0

"""A plan's questions answered one by one: paced, patient, never paid for twice, whatever is killed when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from slipstream.caching.filling.asked import Family
from slipstream.caching.filling.filler import TRIES, Filler, Made, OutOfTime
from slipstream.caching.filling.runs import Filled, Item, Run, item_key
from slipstream.caching.filling.template import taken_apart
from slipstream.chat.request import ChatRequest
from slipstream.errors import InvalidRequest, SlipstreamError, Throttled, UpstreamUnavailable
from slipstream.fakes.asked_store import MemoryAskedStore
from slipstream.fakes.fill_runs import MemoryRuns
from tests.unit.caching.filling.asked_days import ACME, asking
from tests.unit.caching.kept import Clock

ANSWERED = Made("answered", cost_usd=0.01)
BUSY = UpstreamUnavailable("the model service is busy")
APART = taken_apart(asking("any"))
assert APART is not None


class Killed(BaseException):
    """The process ends here."""


def item(question: str, **more: Any) -> Item:
    fields = {"namespace": ACME, "family": APART.family, "expected_hits": 2.0, "cost_usd": 0.01} | more  # type: ignore[union-attr]
    return Item(key=item_key(ACME, "f", question), question=question, **fields)


QUESTIONS = tuple(f"Question {number}?" for number in range(4))
ITEMS = tuple(item(question) for question in QUESTIONS)


class Answers:
    """Gives ``script`` one by one, each answer taking ``took_s``; answers when it is over."""

    def __init__(self, clock: Clock, *script: Made | BaseException, took_s: float = 1.0) -> None:
        self.script: list[Made | BaseException] = list(script)
        self.clock, self.took_s = clock, took_s
        self.asked: list[str] = []
        self.began_s: list[float] = []

    def answer(self, request: ChatRequest, *, within_s: float) -> Made:
        assert within_s > 0
        self.began_s.append(self.clock.now_s)
        self.asked.append(request.messages[0].content[0].text)  # type: ignore[union-attr]
        self.clock.now_s += self.took_s
        step = self.script.pop(0) if self.script else ANSWERED
        if isinstance(step, BaseException):
            raise step
        return step


class Filling:
    def __init__(self, *script: Made | BaseException, per_minute: float = 600.0, **more: Any) -> None:
        self.clock = Clock()
        self.answers = Answers(self.clock, *script, **more)
        self.asked, self.runs = MemoryAskedStore(), MemoryRuns()
        assert APART is not None
        self.asked.describe(Family(namespace=ACME, family=APART.family, template=APART.template), until_s=0)
        self.per_minute = per_minute
        self.runs.put(Run(run="r1", started_s=self.clock.now_s, items=len(ITEMS), budget_usd=1.0))

    def fill(self, items: Sequence[Item] = ITEMS, *, within_s: float = 900.0) -> dict[str, Any]:
        filler = Filler(
            self.answers, asked=self.asked, runs=self.runs, per_minute=self.per_minute, clock=self.clock,
            sleep=self.clock.sleep,
        )  # fmt: skip
        return filler.fill("r1", items, until_s=self.clock.now_s + within_s)

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(one.outcome, one.reason) for one in self.runs.filled("r1")]


def test_every_item_is_answered_and_counted() -> None:
    filling = Filling(ANSWERED, Made("held"), Made("refused", "unsupported", 0.02), InvalidRequest("too long"))

    told = filling.fill()

    assert told == {"run": "r1", "answered": 1, "held": 1, "refused": 1, "failed": 1, "cost_usd": 0.03}
    assert filling.outcomes == [
        ("answered", ""), ("held", ""), ("refused", "unsupported"), ("failed", "invalid_request"),
    ]  # fmt: skip
    assert filling.answers.asked == list(QUESTIONS)


def test_a_batch_that_comes_again_is_passed_over() -> None:
    filling = Filling(ANSWERED, Made("refused", "unsupported", 0.02), Made("held"), InvalidRequest("too long"))
    filling.fill()

    again = filling.fill()

    assert again == {"run": "r1", "done": 4, "cost_usd": 0.0}
    assert len(filling.answers.asked) == 4


@pytest.mark.parametrize("survived", range(4))
def test_a_fill_that_is_killed_goes_on_with_the_item_that_was_in_work(survived: int) -> None:
    filling = Filling(*[ANSWERED] * survived, Killed())
    with pytest.raises(Killed):
        filling.fill()

    filling.fill()

    twice = [question for question in QUESTIONS if filling.answers.asked.count(question) == 2]
    assert twice == [QUESTIONS[survived]]
    assert sorted(filling.outcomes) == [("answered", "")] * 4


def test_no_more_answers_are_begun_than_the_rate_allows() -> None:
    filling = Filling(per_minute=6, took_s=1.0)

    filling.fill(ITEMS[:3])

    first, second, third = filling.answers.began_s
    assert (second - first, third - second) == (10.0, 10.0)


def test_what_is_held_is_passed_over_at_once() -> None:
    filling = Filling(*[Made("held")] * 4, per_minute=6, took_s=0.5)

    filling.fill()

    assert filling.answers.began_s[-1] - filling.answers.began_s[0] == 1.5


def test_a_throttle_is_waited_for_as_long_as_it_says() -> None:
    filling = Filling(Throttled("slow down", retry_after_s=7.0), Throttled("slow down"), ANSWERED, took_s=0.0)

    assert filling.fill(ITEMS[:1])["answered"] == 1
    first, second, third = filling.answers.began_s
    assert (second - first, third - second) == (7.0, 2.0)


def test_a_throttle_is_no_failure_however_often_it_comes() -> None:
    filling = Filling(*[Throttled("slow down")] * (TRIES + 2), ANSWERED)

    assert filling.fill(ITEMS[:1])["answered"] == 1
    assert len(filling.answers.asked) == TRIES + 3


def test_a_throttle_that_outlasts_the_function_is_the_callers() -> None:
    filling = Filling(ANSWERED, *[Throttled("slow down")] * 99)

    with pytest.raises(Throttled):
        filling.fill(within_s=60)
    assert filling.outcomes == [("answered", "")]
    assert filling.clock.now_s <= Clock().now_s + 60


def test_a_model_service_that_fails_is_tried_again_and_then_only_that_item_fails() -> None:
    filling = Filling(*[BUSY] * TRIES, ANSWERED)

    told = filling.fill(ITEMS[:2])

    assert (told["failed"], told["answered"]) == (1, 1)
    assert filling.outcomes[0] == ("failed", "upstream_unavailable")
    assert filling.answers.asked == [QUESTIONS[0]] * TRIES + [QUESTIONS[1]]


def test_what_cannot_be_answered_is_not_tried_again() -> None:
    filling = Filling(InvalidRequest("too long"))
    filling.fill(ITEMS[:1])

    assert filling.answers.asked == [QUESTIONS[0]]


def test_nothing_is_begun_when_the_time_is_nearly_over() -> None:
    filling = Filling(took_s=20.0)

    with pytest.raises(OutOfTime):
        filling.fill(within_s=50)
    assert filling.outcomes == [("answered", "")] * 3
    assert filling.fill()["done"] == 3


def test_what_the_budget_does_not_pay_is_not_answered() -> None:
    filling = Filling(*[Made("answered", cost_usd=0.6)] * 4)

    filling.fill()
    assert filling.outcomes[2:] == [("failed", "budget_spent")] * 2
    assert len(filling.answers.asked) == 2


def test_what_other_calls_of_the_run_spent_counts() -> None:
    filling = Filling()
    filling.runs.fill("r1", Filled(key="another", outcome="answered", cost_usd=1.0))

    assert filling.fill()["failed"] == 4
    assert filling.answers.asked == []


def test_an_item_whose_template_is_gone_or_of_other_code_fails_alone() -> None:
    filling = Filling()
    filling.asked.describe(Family(namespace=ACME, family="new", template=b'{"model": 7}'), until_s=0)

    filling.fill([item("a?", family="gone"), item("b?", family="new"), item("c?")])

    assert filling.outcomes == [("failed", "template_gone"), ("failed", "template_of_other_code"), ("answered", "")]


class Failing(MemoryRuns):
    """A table that is down."""

    def filled(self, run: str) -> Sequence[Filled]:
        raise UpstreamUnavailable("the table is down")


def test_without_its_table_nothing_is_paid_for() -> None:
    filling = Filling()
    filling.runs = Failing()

    with pytest.raises(SlipstreamError, match="table is down"):
        filling.fill()
    assert filling.answers.asked == []

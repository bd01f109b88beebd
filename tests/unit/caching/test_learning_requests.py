"""Learning through the pipeline: requests are checked, counted, reported on, and what was learnt serves."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from slipstream.caching.knowledge import Knowledge
from slipstream.caching.semantic.environment import EnvironmentLearning
from slipstream.caching.semantic.policy import Sampling
from slipstream.caching.tally import PAUSE_S, Tally
from slipstream.caching.worth import worth
from slipstream.chat.request import Options
from slipstream.errors import NotFound
from slipstream.fakes.learning_store import MemoryLearningStore
from slipstream.fakes.tally_store import MemoryTallyStore
from slipstream.gateway.http import Principal
from slipstream.gateway.openai.feedback import feedback
from tests.unit.caching.comparing import ASKED, REWORDED, Comparing, saying
from tests.unit.caching.kept import Clock, outcome

NAMESPACE = "tenant:default"


class World(Comparing):
    """A pipeline with the learning that is deployed, and all that is known of its answers."""

    def __init__(self, *answers: str, checks: float) -> None:
        self.labels = MemoryLearningStore()
        clock = Clock()
        learning = EnvironmentLearning(
            self.labels, epsilon=0.01, sampling=Sampling(first=100, eager=checks, steady=checks), clock=clock
        )
        tally = Tally(MemoryTallyStore(), clock=clock)
        super().__init__([saying(answer) for answer in answers], learning=learning, clock=clock, tally=tally)
        self.knowledge = Knowledge(
            answers=self.store, questions=self.questions, labels=self.labels, learning=learning, tally=tally,
            namespace=self.cache.policy.namespace, epsilon=0.01,
        )  # fmt: skip

    def say(self, report: dict[str, Any], *, correct: bool, tenant: str = "default") -> dict[str, Any]:
        body = msgspec.json.encode({"id": report["cache"]["feedback"], "correct": correct})
        return feedback(lambda: self.knowledge, body, Principal(key_id="k", tenant=tenant))

    def worth(self) -> dict[str, Any]:
        """With all that waits written: other tenants' requests come with time."""
        for _ in range(6):
            self.clock.sleep(PAUSE_S)
            self.ask("hello", tenant="other")
        return worth(self.knowledge, NAMESPACE, days=1, now_s=self.clock())


@pytest.mark.parametrize(
    ("fresh", "equal", "check"),
    [("Sure! At the town hall.", True, "same"), ("At the harbour, in room 4.", False, "different")],
)
def test_a_checked_request_is_answered_by_the_model_and_its_verdict_is_a_label(
    fresh: str, equal: bool, check: str
) -> None:
    world = World("At the town hall.", fresh, checks=1.0)
    world.ask(ASKED)
    _, report = world.ask(REWORDED)
    assert (outcome(report), report["cache"]["semantic"]["checked"], world.calls) == ("miss", True, 2)
    found = world.worth()["semantic"]

    ((_, label),) = world.labels.labels(NAMESPACE, limit=9)
    assert (label.pair.asked, label.pair.candidate, label.equal, label.drawn) == (REWORDED, ASKED, equal, False)
    assert found["checks"][check] == 1
    assert (found["same_words"]["checked"], found["same_words"]["wrong"]) == (1, int(not equal))
    assert found["false_hits"]["checked"] == 0  # those are drawn with another chance


def test_a_hit_is_counted_by_its_kind_and_under_its_answer_with_the_question() -> None:
    world = World("At the town hall.", checks=0.0)
    world.ask(ASKED)
    world.ask(REWORDED)
    found = world.worth()

    assert found["hits"]["semantic"]["count"] == 1
    assert [one["question"] for one in found["useful"]] == [ASKED]


def test_a_semantic_hit_that_a_reader_calls_wrong_is_over_and_its_pair_is_not_served_again() -> None:
    world = World("At the town hall.", "Anew.", "Anew for the first.", checks=0.0)
    world.ask(ASKED)
    _, hit = world.ask(REWORDED)
    assert hit["cache"]["kind"] == "semantic"
    with pytest.raises(NotFound):
        world.say(hit, correct=False, tenant="mallory")

    told = world.say(hit, correct=False)
    assert (told["kind"], told["ended"], told["learnt"]) == ("semantic", True, True)
    _, again = world.ask(REWORDED)
    _, first = world.ask(ASKED)
    assert (outcome(again), outcome(first)) == ("miss", "miss")
    assert world.worth()["doubtful"][0]["reported_wrong"] == 1


def test_a_poisoned_answer_is_ended_by_the_id_of_its_exact_hit() -> None:
    world = World("Poison.", "Anew.", checks=0.0)
    world.ask(ASKED)
    _, hit = world.ask(ASKED)

    assert world.say(hit, correct=False)["ended"] is True
    assert outcome(world.ask(ASKED)[1]) == "miss"
    assert outcome(world.ask(ASKED)[1]) == "hit"


def test_a_retry_is_told_and_counted_once_however_often_it_is_asked_anew() -> None:
    world = World("At the town hall.", "Fresh.", "Fresher.", checks=0.0)
    world.ask(ASKED)
    world.ask(REWORDED)
    for _ in range(2):
        world.ask(REWORDED, options=Options(cache="refresh"))
    found = world.worth()

    assert [(label.equal, label.drawn) for _, label in world.labels.labels(NAMESPACE, limit=9)] == [(False, False)]
    assert found["semantic"]["reported"]["wrong"] == 1
    assert [one["reported_wrong"] for one in found["doubtful"]] == [1]

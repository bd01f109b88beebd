"""``POST /v1/feedback``: a wrong answer ends at once and teaches; nobody reaches another's answers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from slipstream.caching.day import day_of
from slipstream.caching.entry import Body, checksum_of
from slipstream.caching.knowledge import Knowledge
from slipstream.caching.policy import CachePolicy
from slipstream.caching.semantic.environment import EnvironmentLearning
from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.policy import Label, Seen
from slipstream.caching.semantic.ports import Known
from slipstream.caching.semantic.reading import read
from slipstream.caching.semantic.vectors import packed
from slipstream.caching.store import Head, Place
from slipstream.caching.tally import PAUSE_S, Tally
from slipstream.errors import InvalidRequest, NotFound, UpstreamUnavailable
from slipstream.fakes.answer_store import MemoryAnswerStore
from slipstream.fakes.learning_store import MemoryLearningStore
from slipstream.fakes.question_store import MemoryQuestionStore
from slipstream.fakes.tally_store import MemoryTallyStore
from slipstream.gateway.app import create_app
from slipstream.gateway.feedback_id import FeedbackId, encode
from slipstream.gateway.http import Principal
from slipstream.gateway.openai.feedback import feedback
from slipstream.gateway.openai.purge import NoCache
from tests.unit.caching.kept import Clock
from tests.unit.gateway.scripted import gateway, post

ACME, FAMILY = "tenant:acme", "f" * 64
ASKED, ANSWER, ENTRY = "a" * 64, "b" * 64, "01JDMTZ00000000000000000AB"
CALLER = Principal(key_id="k", tenant="acme")
QUESTION, CANDIDATE = "How do I close my account?", "How do I open an account?"


class World:
    """A cache in memory in which ``CANDIDATE``'s answer was given for ``QUESTION``, too."""

    def __init__(self, policy: CachePolicy | None = None) -> None:
        self.clock = Clock()
        self.answers = MemoryAnswerStore()
        self.questions = MemoryQuestionStore()
        self.labels = MemoryLearningStore()
        self.counts = MemoryTallyStore()
        self.policy = policy or CachePolicy()
        self.learning = EnvironmentLearning(self.labels, epsilon=0.01, clock=self.clock)
        self.knowledge = Knowledge(
            answers=self.answers, questions=self.questions, labels=self.labels, learning=self.learning,
            tally=Tally(self.counts, clock=self.clock), namespace=self.policy.namespace, epsilon=0.01,
        )  # fmt: skip
        self.keep(ENTRY)
        self.know(ASKED, QUESTION, [1.0, 0.2])
        self.know(ANSWER, CANDIDATE, [1.0, 0.0])

    def keep(self, entry: str, namespace: str = ACME) -> None:
        now_s = self.clock()
        head = Head(
            entry_id=entry, checksum=checksum_of(b"x"), created_s=now_s, expires_s=now_s + 900, asked_s=now_s
        )  # fmt: skip
        self.answers.write(Place(namespace, ANSWER), head, Body(b"x", checksum_of(b"x")))

    def know(self, key: str, text: str, vector: list[float], namespace: str = ACME, *, answer: str = ANSWER) -> None:
        known = Known(
            key=key, text=text, vector=packed(vector), answer=answer, asked_s=self.clock(),
            expires_s=self.clock() + 900,
        )  # fmt: skip
        self.questions.put(namespace, FAMILY, known)

    def say(self, *, correct: bool, asked: str = ASKED, caller: Principal = CALLER, **more: Any) -> dict[str, Any]:
        told = FeedbackId(**({"asked": asked, "answer": ANSWER, "entry": ENTRY, "family": FAMILY} | more))
        body = msgspec.json.encode({"id": encode(told), "correct": correct})
        return feedback(lambda: self.knowledge, body, caller)

    @property
    def stands(self) -> bool:
        return self.answers.read(Place(ACME, ANSWER), with_body=False).head is not None

    def known(self, key: str, namespace: str = ACME) -> bool:
        return self.questions.find(namespace, FAMILY, key) is not None

    @property
    def told(self) -> list[tuple[bool, bool]]:
        return [(label.equal, label.drawn) for _, label in self.labels.labels(ACME, limit=9)]


def test_a_wrong_answer_to_its_own_question_ends_at_once() -> None:
    world = World()

    assert world.say(correct=False, asked=ANSWER) == {
        "object": "feedback", "kind": "exact", "correct": False, "ended": True, "learnt": False,
    }  # fmt: skip
    assert not world.stands
    assert not world.known(ANSWER)
    assert world.told == []


def test_a_wrong_answer_to_another_wording_ends_and_teaches_that_they_differ() -> None:
    world = World()
    found = world.say(correct=False)

    assert (found["kind"], found["ended"], found["learnt"]) == ("semantic", True, True)
    assert not world.stands
    assert not world.known(ASKED)
    assert not world.known(ANSWER)
    ((family, label),) = world.labels.labels(ACME, limit=9)
    assert (family, label.equal, label.drawn) == (FAMILY, False, False)
    assert (label.pair.asked, label.pair.candidate) == (QUESTION, CANDIDATE)
    assert label.pair.cosine == pytest.approx(0.98, abs=0.01)


def test_a_pair_that_was_reported_is_not_served_here_again_before_anything_is_learnt() -> None:
    world = World()
    world.know(ASKED, "how do I open an account", [1.0, 0.1])
    pair = Pair(read("How do I open an account?"), read("how do I open an account"), 0.99)
    assert world.learning.verifier(ACME).decide(pair).serve
    world.say(correct=False)

    assert world.learning.verifier(ACME).decide(pair).reason == "known to differ"


def test_a_right_answer_stays_and_is_a_label_that_proves_nothing() -> None:
    world = World()
    found = world.say(correct=True)

    assert (found["ended"], found["learnt"]) == (False, True)
    assert world.stands
    assert world.known(ASKED)
    assert world.told == [(True, False)]
    assert world.labels.progress(ACME).drawn == 0


def test_the_same_report_counts_once_and_a_later_no_overrules_a_yes() -> None:
    world = World()
    for correct in (True, True, False):
        world.say(correct=correct)

    assert world.told == [(False, False)]
    assert world.labels.progress(ACME).struck == 1


@pytest.mark.parametrize("correct", [True, False])
@pytest.mark.parametrize("asked", [ASKED, ANSWER])
def test_what_is_not_kept_any_more_is_told(correct: bool, asked: str) -> None:
    world = World()
    world.say(correct=False, asked=asked)

    with pytest.raises(NotFound, match="expired") as refused:
        world.say(correct=correct, asked=asked)
    assert (refused.value.code, refused.value.param) == ("answer_not_found", "id")


def test_an_answer_that_was_made_anew_meanwhile_is_not_meant() -> None:
    world = World()
    world.keep("01JDMTZ00000000000000000ZZ")

    with pytest.raises(NotFound):
        world.say(correct=False, asked=ANSWER)
    assert world.stands
    assert world.known(ANSWER)


def test_a_pair_is_learnt_from_also_where_its_answer_was_made_anew() -> None:
    world = World()
    world.keep("01JDMTZ00000000000000000ZZ")

    assert world.say(correct=False)["ended"] is False
    assert world.told == [(False, False)]
    assert (world.stands, world.known(ANSWER), world.known(ASKED)) == (True, True, False)


def test_a_question_that_has_another_answer_by_now_teaches_nothing_of_the_one_that_was_reported() -> None:
    world = World()
    world.know(ASKED, QUESTION, [1.0, 0.2], answer=ASKED)

    found = world.say(correct=False)
    assert (found["ended"], found["learnt"]) == (True, False)
    assert world.told == []


@pytest.mark.parametrize("correct", [True, False])
def test_nobody_reaches_another_tenants_answer(correct: bool) -> None:
    world = World()

    with pytest.raises(NotFound):
        world.say(correct=correct, caller=Principal(key_id="m", tenant="mallory"))
    assert world.stands
    assert world.known(ASKED)
    assert world.told == []
    assert world.labels.namespaces() == {}


def test_tenants_that_share_a_namespace_may_report_its_answers() -> None:
    world = World(CachePolicy(shared={"acme": "group", "beta": "group"}))
    world.keep(ENTRY, "shared:group")

    world.say(correct=False, asked=ANSWER, caller=Principal(key_id="b", tenant="beta"))
    assert world.answers.read(Place("shared:group", ANSWER), with_body=False).head is None
    assert world.stands, "what acme had kept before it shared"


def test_a_report_that_failed_half_way_can_be_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    def down(*_: Any, **__: Any) -> None:
        raise UpstreamUnavailable("the table is down")

    monkeypatch.setattr(world.labels, "tell", down)
    with pytest.raises(UpstreamUnavailable):
        world.say(correct=False)
    assert not world.stands, "the answer ends first"
    monkeypatch.undo()

    assert world.say(correct=False)["learnt"] is True
    assert world.told == [(False, False)]
    assert not world.known(ASKED)


def test_reports_are_counted_for_the_report() -> None:
    world = World()
    world.say(correct=True)
    world.clock.sleep(PAUSE_S)
    world.say(correct=False)
    world.clock.sleep(PAUSE_S)
    counts = {one.key: one.counts for one in world.counts.of_day(ACME, day_of(world.clock()), limit=9)}

    assert counts[""]["reported_right"] == 1
    assert counts[ANSWER].keys() <= {"reported_right", "reported_wrong"}


@pytest.mark.parametrize(
    ("body", "param"),
    [(b'{"id": "x"}', "correct"), (b'{"correct": true}', "id"), (b'{"id": "no", "correct": true}', "id"),
     (b'{"id": "x", "correct": "yes"}', "correct"), (b'{"id": "x", "correct": true, "why": ""}', "why")],
)  # fmt: skip
def test_a_body_that_is_not_clear_is_told_its_field(body: bytes, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        feedback(lambda: World().knowledge, body, CALLER)
    assert refused.value.param == param


def test_a_deployment_without_a_cache_says_so() -> None:
    with pytest.raises(NoCache, match=r"cache=on.*SLIPSTREAM_CACHE=on"):
        feedback(None, b'{"id": "x", "correct": true}', CALLER)


def test_the_route_takes_a_callers_key_and_no_other() -> None:
    world = World()
    told = FeedbackId(asked=ANSWER, answer=ANSWER, entry=ENTRY, family=FAMILY)
    body = msgspec.json.encode({"id": encode(told), "correct": False})
    app = create_app(gateway(knowledge=lambda: world.knowledge))

    admin = Principal(key_id="k", tenant="acme", scopes=frozenset({"admin"}))
    assert app(post("/prod/v1/feedback", body, principal=admin)).status == 403
    assert world.stands
    assert app(post("/prod/v1/feedback", body, principal=CALLER)).status == 200
    assert not world.stands
    assert app(post("/prod/v1/feedback", body, principal=CALLER)).status == 404


def test_labels_of_reports_stand_among_those_of_their_answers_time() -> None:
    world = World()
    world.say(correct=True)
    world.labels.tell(ACME, FAMILY, Label(Seen("x", "y", 0.5), True))

    (name, *_), (later, *_) = world.labels._all[ACME].labels
    assert name.startswith(ENTRY[:10])
    assert later == ""

"""Learning from end to end: real questions and vectors, answers compared, labels of two environments, one learner."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy
import pytest

from local.vectors import VectorCache
from slipstream.caching.entry import Answered
from slipstream.caching.semantic.calibration import fewest_labels
from slipstream.caching.semantic.environment import REFRESH_S, EnvironmentLearning
from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.learner import Learner
from slipstream.caching.semantic.neighbourhood import DEPTH, Neighbourhood
from slipstream.caching.semantic.policy import Sampling
from slipstream.caching.semantic.ports import Known
from slipstream.caching.semantic.reading import read
from slipstream.caching.semantic.vectors import packed
from slipstream.chat.events import Started, Stopped, TextDelta
from slipstream.fakes.learning_store import MemoryLearningStore
from slipstream.fakes.question_store import MemoryQuestionStore
from tests.functional.caching.questions import Question, answer, questions
from tests.unit.caching.kept import Clock

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPSILON = 0.05
NAMESPACE = "tenant:acme"
SAMPLING = Sampling(first=150, eager=0.6, steady=0.02)
LEARNS_EVERY = 90
"""Requests between two runs of the learner: its schedule, in this test's time."""

Says = Callable[[Question, random.Random], str]
"""What the model answers."""


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, NDArray[numpy.float32]]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("vectors")))
        texts = sorted({one.text for one in questions()})
        yield dict(zip(texts, VectorCache().embed(texts, workers=1), strict=True))


class Hit(NamedTuple):
    at: int
    right: bool


class Service:
    """What the gateway does with a question, in the order in which it does it, over two environments."""

    def __init__(self, vectors: dict[str, NDArray[numpy.float32]], says: Says, seed: int) -> None:
        self._vectors, self._says = vectors, says
        self.clock, self._chance = Clock(), random.Random(seed)
        self.labels = MemoryLearningStore(self.clock)
        self.questions = MemoryQuestionStore()
        self._environments = [
            EnvironmentLearning(
                self.labels, epsilon=EPSILON, sampling=SAMPLING, clock=self.clock, chance=random.Random(seed + number)
            )
            for number in range(2)
        ]
        self._learner = Learner(self.labels, self.questions, epsilon=EPSILON, clock=self.clock)
        self._kept: dict[str, tuple[Question, str]] = {}
        self._asked: defaultdict[str, list[Question]] = defaultdict(list)
        self.hits: list[Hit] = []
        self.calls = 0

    def serve(self, stream: list[Question]) -> None:
        for at, question in enumerate(stream):
            self.clock.sleep(REFRESH_S)
            self._ask(at, question, self._environments[at % 2])
            if at % LEARNS_EVERY == LEARNS_EVERY - 1:
                assert self._learner.run().failed == {}

    def _ask(self, at: int, question: Question, learning: EnvironmentLearning) -> None:
        found = self._nearest(question)
        served = checked = False
        if found is not None:
            pair = found[1]
            served = learning.verifier(NAMESPACE).decide(pair).serve
            checked = learning.wants_check(NAMESPACE)
            learning.looked(NAMESPACE, question.service, pair)
        if found is not None and served:
            self.hits.append(Hit(at, found[0].intent == question.intent))
        if found is not None and served and not checked:
            self._know(question, found[0])
        else:
            self.calls += 1
            fresh = self._says(question, self._chance)
            if found is not None and checked:
                verdict = learning.compare(_answered(fresh), _answered(self._kept[found[0].text][1]))
                if verdict.equal is not None:
                    learning.tell(NAMESPACE, question.service, found[1], equal=verdict.equal, drawn=True)
            self._kept[question.text] = question, fresh
            self._know(question, question)
        learning.settle(NAMESPACE)

    def _nearest(self, question: Question) -> tuple[Question, Pair] | None:
        """The nearest question with an answer of its own, and where both stand."""
        known = self._asked[question.service]
        if not known:
            return None
        near = self._order(question, known)
        candidate = next((one for one, _ in near if one.text in self._kept), None)
        if candidate is None:
            return None
        others = self._order(candidate, [one for one in known if one.text != candidate.text])
        around = Neighbourhood(
            tuple((one.text, cosine) for one, cosine in near if one.text != candidate.text)[:DEPTH],
            tuple((one.text, cosine) for one, cosine in others)[:DEPTH],
        )
        cosine = next(cosine for one, cosine in near if one.text == candidate.text)
        return candidate, Pair(read(question.text), read(candidate.text), cosine, around)

    def _order(self, question: Question, among: list[Question]) -> list[tuple[Question, float]]:
        if not among:
            return []
        cosines = numpy.stack([self._vectors[one.text] for one in among]) @ self._vectors[question.text]
        return [(among[at], float(cosines[at])) for at in numpy.argsort(-cosines, kind="stable")]

    def _know(self, question: Question, by: Question) -> None:
        self._asked[question.service].append(question)
        known = Known(
            key=question.text, text=question.text, vector=packed(self._vectors[question.text].tolist()),
            answer=by.text, asked_s=self.clock(), expires_s=self.clock() + 1e6,
        )  # fmt: skip
        self.questions.put(NAMESPACE, question.service, known)


def _answered(text: str) -> Answered:
    return Answered(events=(Started(), TextDelta(text), Stopped("end_turn")), model_id="m")


def truthfully(question: Question, chance: random.Random) -> str:
    return answer(question.intent, chance)


def from_a_hat(question: Question, chance: random.Random) -> str:
    """One of two answers, whatever was asked: that two of them are equal says nothing of the questions."""
    return answer(f"{question.service}/any/{chance.choice(('this', 'that'))}", chance)


def stream(seed: int) -> list[Question]:
    return random.Random(seed).sample(questions(), len(questions()))


def test_the_comparison_knows_the_truth_of_every_pair_of_answers() -> None:
    chance = random.Random(1)
    learning = EnvironmentLearning(MemoryLearningStore(), epsilon=EPSILON)
    for _ in range(400):
        one, other = chance.sample(questions(), 2)
        for left, right in ((one, one), (one, other)):
            verdict = learning.compare(_answered(truthfully(left, chance)), _answered(truthfully(right, chance)))
            assert verdict.equal is (left.intent == right.intent), (left, right, verdict)


def test_what_is_learnt_serves_other_wordings_and_keeps_its_promise(
    vectors: dict[str, NDArray[numpy.float32]],
) -> None:
    service = Service(vectors, truthfully, seed=7)
    service.serve(stream(seed=7))
    progress = service.labels.progress(NAMESPACE)
    wrong = sum(not hit.right for hit in service.hits)

    assert progress.drawn >= 100, "both environments' labels"
    assert len(service.hits) >= 50, "other wordings are served"
    assert wrong <= EPSILON * len(service.hits)
    assert min(hit.at for hit in service.hits) >= fewest_labels(EPSILON), "not before there is evidence"
    assert service.calls < len(questions())


def test_labels_that_tell_nothing_end_with_no_hits(vectors: dict[str, NDArray[numpy.float32]]) -> None:
    service = Service(vectors, from_a_hat, seed=7)
    service.serve(stream(seed=7))
    told = [label.equal for _, label in service.labels.labels(NAMESPACE, limit=999)]
    calibration = service.labels.calibration(NAMESPACE)

    assert 0.3 < sum(told) / len(told) < 0.7, "chance decides"
    assert service.hits == []
    assert calibration is not None
    assert calibration.learnt
    assert calibration.cut is None

"""A deployment's learning, over a store: what is due, what it is made of, and what a failure does to the others."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec
import pytest

from slipstream.caching.semantic.learner import DAY_S, STALE_S, Learner, Round
from slipstream.caching.semantic.policy import Label, Seen
from slipstream.caching.semantic.ports import Known, Progress
from slipstream.caching.semantic.surroundings import Surroundings
from slipstream.caching.semantic.verifier import Verifier
from slipstream.errors import UpstreamUnavailable
from slipstream.fakes.learning_store import MemoryLearningStore
from slipstream.fakes.question_store import MemoryQuestionStore
from tests.unit.caching.kept import Clock
from tests.unit.caching.semantic.planted import stream

ACME, OTHER, FAMILY = "tenant:acme", "tenant:other", "f" * 64
EPSILON = 0.02
CLEAR = 6.0


def fill(store: MemoryLearningStore, namespace: str, *, count: int = 150, apart: float = CLEAR, seed: int = 5) -> None:
    """Labels and looks of a stream whose truth is planted."""
    pairs = stream(count + 200, seed=seed, apart=apart)
    for pair, equal in pairs[:count]:
        store.tell(namespace, FAMILY, Label(Seen(pair.asked.text, pair.candidate.text, pair.cosine), equal))
    store.looked(namespace, [(FAMILY, Seen(p.asked.text, p.candidate.text, p.cosine)) for p, _ in pairs[count:]])


def learner(store: MemoryLearningStore, clock: Clock | None = None, *, epsilon: float = EPSILON) -> Learner:
    return Learner(store, epsilon=epsilon, clock=clock or Clock())


def served(store: MemoryLearningStore, namespace: str = ACME) -> list[bool]:
    """Of fresh pairs, those that are served: whether rightly."""
    calibration = store.calibration(namespace)
    assert calibration is not None
    verifier = Verifier(calibration)
    return [equal for pair, equal in stream(200, seed=99, apart=CLEAR) if verifier.decide(pair).serve]


def test_what_was_written_by_environments_is_learnt_and_serves() -> None:
    store = MemoryLearningStore()
    fill(store, ACME)

    assert learner(store).run() == _round(namespaces=1, learnt=1)
    right = served(store)
    assert len(right) > 100
    assert right.count(False) <= 0.02 * len(right) + 1


def _round(**counts: int) -> Round:
    return Round(**counts)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_labels_that_are_noise_end_with_no_hits(seed: int) -> None:
    store = MemoryLearningStore()
    fill(store, ACME, apart=0.0, seed=seed)
    learner(store).run()

    assert served(store) == []


def test_labels_in_which_chance_and_truth_were_swapped_end_with_no_hits() -> None:
    """The same questions as those that are learnt well, their labels dealt out again."""
    store, told = MemoryLearningStore(), MemoryLearningStore()
    fill(told, ACME)
    labels = [label for _, label in told.labels(ACME, limit=999)]
    equal = random.Random(3).sample([label.equal for label in labels], len(labels))
    for label, truth in zip(labels, equal, strict=True):
        store.tell(ACME, FAMILY, msgspec.structs.replace(label, equal=truth))
    store.looked(ACME, told.recent(ACME, limit=999))
    learner(store).run()

    assert served(store) == []


def test_fewer_labels_than_one_over_epsilon_wait() -> None:
    store = MemoryLearningStore()
    fill(store, ACME, count=49)

    assert learner(store).run() == _round(namespaces=1, waiting=1)
    assert store.calibration(ACME) is None


def test_reports_do_not_make_up_for_checks() -> None:
    store = MemoryLearningStore()
    for number in range(200):
        store.tell(ACME, FAMILY, Label(Seen(f"one {number}", f"other {number}", 0.9), True, drawn=False))

    assert learner(store).run().waiting == 1


NEW = Progress(labels=110, drawn=110, learnt="x", learnt_labels=100, learnt_epsilon=EPSILON)


@pytest.mark.parametrize(
    ("change", "age_s", "due"),
    [
        ({}, 60.0, False),
        ({"labels": 120, "drawn": 120}, 60.0, True),
        ({"struck": 1}, 60.0, True),
        ({"struck": 1, "learnt_struck": 1}, 60.0, False),
        ({}, DAY_S, True),
        ({"labels": 100}, DAY_S, False),
        ({"labels": 100}, STALE_S, True),
        ({"learnt_epsilon": 0.05}, 60.0, True),
        ({"drawn": 49}, STALE_S, False),
    ],
)
def test_it_learns_again_where_something_is_new(change: dict[str, float], age_s: float, due: bool) -> None:
    clock = Clock()
    progress = msgspec.structs.replace(NEW, learnt_s=clock.now_s - age_s, **change)

    assert learner(MemoryLearningStore(), clock).due(progress) is due


def test_nothing_new_costs_nothing() -> None:
    clock = Clock()
    store = MemoryLearningStore(clock)
    fill(store, ACME)
    learner(store, clock).run()
    was = store.progress(ACME)

    assert learner(store, clock).run() == _round(namespaces=1, waiting=1)
    assert store.progress(ACME) == was


class BrokenFor(MemoryLearningStore):
    def __init__(self, namespace: str, error: Exception) -> None:
        super().__init__()
        self._broken, self._error = namespace, error

    def labels(self, namespace: str, *, limit: int) -> Sequence[tuple[str, Label]]:
        if namespace == self._broken:
            raise self._error
        return super().labels(namespace, limit=limit)


@pytest.mark.parametrize(
    ("error", "code"), [(UpstreamUnavailable("down"), "upstream_unavailable"), (ValueError("odd"), "ValueError")]
)
def test_one_namespace_that_fails_does_not_stop_the_others(error: Exception, code: str) -> None:
    store = BrokenFor(ACME, error)
    for namespace in (ACME, OTHER):
        fill(store, namespace)
    done = learner(store).run()

    assert (done.learnt, done.failed) == (1, {code: 1})
    assert store.calibration(OTHER) is not None


def test_what_there_is_no_time_for_comes_first_the_next_time() -> None:
    clock = Clock()
    store = MemoryLearningStore(clock)
    for namespace in ("tenant:1", "tenant:2", "tenant:3"):
        fill(store, namespace)
    left = iter([True, False, False])

    done = learner(store, clock).run(lambda: next(left))
    assert (done.learnt, done.left) == (1, 2)
    done = learner(store, clock).run()
    assert (done.learnt, done.waiting) == (2, 1)


def known(number: int, vector: Sequence[int], text: str = "") -> Known:
    packed = bytes(value % 256 for value in vector)
    key = f"{number:064x}"
    return Known(
        key=key, text=text or f"question {number}", vector=packed, answer=key, asked_s=float(number), expires_s=9e9
    )  # fmt: skip


def test_neighbours_are_the_nearest_others_nearest_first() -> None:
    around = Surroundings([known(n, [127, n, 0]) for n in range(20)]).around("question 0", "question 3")

    assert [int(str(key), 16) for key, _ in around.asked] == [1, 2, *range(4, 18)]
    assert {int(str(key), 16) for key, _ in around.candidate[:4]} == {1, 2, 4, 5}
    assert around.asked[0][1] == pytest.approx(127 / (127**2 + 1) ** 0.5, abs=1e-5)


def test_a_pair_of_which_one_is_not_known_any_more_has_no_neighbours() -> None:
    surroundings = Surroundings([known(n, [127, n, 0]) for n in range(20)])

    assert surroundings.around("question 0", "who?").asked == ()
    assert Surroundings([]).around("a", "b").candidate == ()


def test_vectors_of_an_older_model_are_left_out() -> None:
    surroundings = Surroundings([known(1, [127, 1]), known(2, [127, 2]), known(3, [127, 1, 1])])

    assert surroundings.texts == ["question 2", "question 1"]


def test_what_stands_close_together_is_told_by_its_neighbours() -> None:
    """Pairs whose words and cosines tell nothing: only whether both stand among the same questions does."""
    store, questions = MemoryLearningStore(), MemoryQuestionStore()
    chance = random.Random(4)
    groups = [[chance.gauss(0, 1) for _ in range(24)] for _ in range(12)]
    texts: dict[int, list[str]] = {}
    number = 0
    for group, center in enumerate(groups):
        for _ in range(22):
            number += 1
            vector = [round(20 * (one + 0.25 * chance.gauss(0, 1))) for one in center]
            questions.put(ACME, FAMILY, known(number, [max(-127, min(127, one)) for one in vector]))
            texts.setdefault(group, []).append(f"question {number}")
    seen = []
    for at in range(400):
        one, other = chance.sample(range(len(groups)), 2)
        equal = at % 2 == 0
        both = chance.sample(texts[one], 2) if equal else [chance.choice(texts[one]), chance.choice(texts[other])]
        seen.append((Seen(both[0], both[1], 0.8), equal))
    for pair, equal in seen[:200]:
        store.tell(ACME, FAMILY, Label(pair, equal))
    store.looked(ACME, [(FAMILY, pair) for pair, _ in seen[200:]])

    def share(of: MemoryQuestionStore | None) -> float:
        Learner(store, of, epsilon=EPSILON, clock=Clock()).learn(ACME, Progress())
        calibration = store.calibration(ACME)
        assert calibration is not None
        return calibration.cut.share if calibration.cut is not None else 0.0

    assert share(None) == 0.0
    assert share(questions) > 0.3

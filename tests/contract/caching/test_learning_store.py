"""What every store of what is known of pairs does: the double, and DynamoDB with S3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from slipstream.aws.learning_store import LABELS_S, LOOKS_S, DynamoLearningStore
from slipstream.aws.object_bodies import ITEM_BYTES
from slipstream.caching.semantic.policy import Label, Seen
from slipstream.caching.semantic.ports import LearningStore, Progress
from slipstream.caching.semantic.rarity import Rarity
from slipstream.caching.semantic.verifier import Calibration, encoded
from slipstream.fakes.learning_store import MemoryLearningStore
from tests.contract.caching.conftest import Ticking
from tests.contract.caching.moto_server import BUCKET, TABLE

ACME, OTHER = "tenant:acme", "tenant:other"
FAMILY = "f" * 64
CALIBRATION = Calibration(epsilon=0.02, learnt=True, wrong=frozenset({"ab"}), rarity=Rarity(3, {"lamp": 2}))


@pytest.fixture(params=["memory", "dynamodb"])
def learning(request: pytest.FixtureRequest, clock: Ticking) -> LearningStore:
    if request.param == "memory":
        return MemoryLearningStore(clock)
    found: LearningStore = request.getfixturevalue("dynamo_learning")
    return found


def seen(number: int = 0) -> Seen:
    return Seen(f"How do I replace lamp {number}?", "Wie – “ersetze” ich sie?", 0.8125)


def label(number: int = 0, *, equal: bool = True, drawn: bool = True) -> Label:
    return Label(seen(number), equal, drawn)


def test_the_newest_labels_come_back_oldest_first_each_with_its_family(learning: LearningStore) -> None:
    for number in range(5):
        learning.tell(ACME, f"family{number}", label(number, equal=number % 2 == 0, drawn=number < 4))
    learning.tell(OTHER, FAMILY, label(9))

    assert learning.labels(ACME, limit=3) == [
        ("family2", label(2)), ("family3", label(3, equal=False)), ("family4", label(4, drawn=False)),
    ]  # fmt: skip
    assert learning.labels("tenant:nobody", limit=3) == []


def test_the_newest_looks_come_back_oldest_first(learning: LearningStore) -> None:
    for number in range(0, 9, 3):
        learning.looked(ACME, [(f"family{at}", seen(at)) for at in range(number, number + 3)])
    learning.looked(OTHER, [(FAMILY, seen(99))])

    assert learning.recent(ACME, limit=4) == [(f"family{at}", seen(at)) for at in (5, 6, 7, 8)]
    assert learning.recent("tenant:nobody", limit=4) == []


def test_it_counts_labels_checks_and_reports_of_wrong_answers(learning: LearningStore) -> None:
    learning.tell(ACME, FAMILY, label(1))
    learning.tell(ACME, FAMILY, label(2, equal=False))
    learning.tell(ACME, FAMILY, label(3, equal=False, drawn=False))
    learning.tell(ACME, FAMILY, label(4, drawn=False))

    assert learning.progress(ACME) == Progress(labels=4, drawn=2, struck=1)
    assert learning.progress(OTHER) == Progress()
    assert learning.namespaces() == {ACME: learning.progress(ACME)}


def test_what_one_name_tells_twice_counts_once_and_the_later_word_holds(learning: LearningStore) -> None:
    for equal in (True, True, False, False):
        learning.tell(ACME, FAMILY, label(equal=equal, drawn=False), name="01REPORT")

    assert learning.labels(ACME, limit=9) == [(FAMILY, label(equal=False, drawn=False))]
    assert (learning.progress(ACME).labels, learning.progress(ACME).struck) == (2, 1)


def test_a_calibration_takes_the_formers_place_and_has_another_name(learning: LearningStore, clock: Ticking) -> None:
    assert learning.calibration(ACME) is None
    learning.tell(ACME, FAMILY, label())
    learning.keep(ACME, Calibration(learnt=True), learning.progress(ACME))
    first = learning.progress(ACME)
    learning.tell(ACME, FAMILY, label(1, equal=False, drawn=False))
    learning.keep(ACME, CALIBRATION, learning.progress(ACME))
    second = learning.progress(ACME)

    assert learning.calibration(ACME) == CALIBRATION
    assert learning.calibration(OTHER) is None
    assert (first.learnt_labels, first.learnt_struck) == (1, 0)
    assert (second.labels, second.learnt_labels, second.learnt_struck) == (2, 2, 1)
    assert first.learnt != second.learnt != ""
    assert first.learnt_s < second.learnt_s <= clock.now_s
    assert (first.learnt_epsilon, second.learnt_epsilon) == (0.01, 0.02)


def large() -> Calibration:
    """One that does not fit an item, compressed as it may be."""
    return Calibration(
        learnt=True, rarity=Rarity(9, {f"{number * 2654435761 % 2**64:x}": 7 for number in range(60_000)})
    )


def test_a_large_calibration_comes_back_as_it_was(learning: LearningStore) -> None:
    learning.tell(ACME, FAMILY, label())
    learning.keep(ACME, large(), Progress())

    assert learning.calibration(ACME) == large()


def test_what_is_too_large_for_an_item_lies_among_the_bodies(
    dynamo_learning: DynamoLearningStore, boto: Callable[[str], Any]
) -> None:
    dynamo_learning.keep(ACME, large(), Progress())

    (found,) = boto("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert found["Key"].startswith("answers/learnt/")
    assert found["Size"] > ITEM_BYTES
    boto("s3").delete_object(Bucket=BUCKET, Key=found["Key"])
    assert dynamo_learning.calibration(ACME) is None


def test_every_item_goes_when_its_time_is_over(
    dynamo_learning: DynamoLearningStore, boto: Callable[[str], Any], clock: Ticking
) -> None:
    dynamo_learning.tell(ACME, FAMILY, label())
    dynamo_learning.looked(ACME, [(FAMILY, seen())])
    dynamo_learning.keep(ACME, CALIBRATION, Progress())

    items = boto("dynamodb").scan(TableName=TABLE)["Items"]
    left_s = {item["pk"]["S"].partition("#")[0]: float(item["ttl_s"]["N"]) - clock.now_s for item in items}
    assert left_s == {
        "label": pytest.approx(LABELS_S, abs=2), "look": pytest.approx(LOOKS_S, abs=2),
        "learnt": pytest.approx(LABELS_S, abs=2), "learning": pytest.approx(LABELS_S, abs=2),
    }  # fmt: skip


@pytest.mark.parametrize("broken", ["bytes", "another version"])
def test_a_calibration_that_cannot_be_read_is_as_good_as_none(
    dynamo_learning: DynamoLearningStore, boto: Callable[[str], Any], broken: str
) -> None:
    newer = msgspec.structs.replace(CALIBRATION, version=99)
    dynamo_learning.keep(ACME, newer if broken == "another version" else CALIBRATION, Progress())
    if broken == "bytes":
        boto("dynamodb").update_item(
            TableName=TABLE, Key={"pk": {"S": f"learnt#{ACME}"}, "sk": {"S": "calibration"}},
            UpdateExpression="SET body = :body", ExpressionAttributeValues={":body": {"B": b"not zlib"}},
        )  # fmt: skip

    assert dynamo_learning.calibration(ACME) is None
    assert b"99" in encoded(newer)


def test_a_namespace_is_forgotten_with_its_questions_and_the_others_stay(learning: LearningStore) -> None:
    for namespace in (ACME, OTHER):
        for number in range(30):
            learning.tell(namespace, FAMILY, label(number))
        learning.looked(namespace, [(FAMILY, seen())])
        learning.keep(namespace, CALIBRATION, learning.progress(namespace))

    assert learning.forget(ACME) == 30
    assert (learning.labels(ACME, limit=9), learning.recent(ACME, limit=9)) == ([], [])
    assert (learning.calibration(ACME), learning.progress(ACME)) == (None, Progress())
    assert list(learning.namespaces()) == [OTHER]
    assert len(learning.labels(OTHER, limit=99)) == 30
    assert learning.calibration(OTHER) == CALIBRATION
    assert learning.forget("tenant:nobody") == 0

"""The scheduled function over real tables: what environments wrote is learnt, and read by others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from handlers import learning as function
from slipstream.aws.learning_store import DynamoLearningStore
from slipstream.caching.semantic.environment import EnvironmentLearning
from slipstream.caching.semantic.features import Pair
from slipstream.caching.semantic.policy import Label, Seen
from slipstream.fakes.learning_store import MemoryLearningStore
from tests.contract.caching.conftest import CREDENTIALS
from tests.contract.caching.moto_server import BUCKET, REGION, TABLE
from tests.unit.caching.semantic.planted import stream

ACME, OTHER, FAMILY = "tenant:acme", "tenant:other", "f" * 64
EPSILON = 0.05


class Context:
    """Lambda's, of which only the time that is left is read."""

    def __init__(self, left_s: float) -> None:
        self._left_s = left_s

    def get_remaining_time_in_millis(self) -> int:
        return int(self._left_s * 1000)


@pytest.fixture
def environ(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The function's environment."""
    settings = CREDENTIALS | {
        "AWS_REGION": REGION, "AWS_ENDPOINT_URL": moto_url, "SLIPSTREAM_CACHE": "on",
        "SLIPSTREAM_CACHE_TABLE": TABLE, "SLIPSTREAM_CACHE_BUCKET": BUCKET, "SLIPSTREAM_CACHE_EPSILON": str(EPSILON),
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    function._learner.cache_clear()
    yield
    function._learner.cache_clear()


def test_what_environments_found_out_is_learnt_and_read_by_others(
    dynamo_learning: DynamoLearningStore,
    environ: None,
) -> None:
    del environ
    pairs = stream(120, seed=5, apart=6.0)
    told = EnvironmentLearning(dynamo_learning, epsilon=EPSILON)
    for pair, equal in pairs[:60]:
        told.looked(ACME, FAMILY, pair)
        told.tell(ACME, FAMILY, pair, equal=equal, drawn=True)
        told.settle(ACME)
    for pair, equal in pairs[:5]:
        told.tell(OTHER, FAMILY, pair, equal=equal, drawn=True)
    told.settle(OTHER)
    for number in range(5):
        dynamo_learning.looked(ACME, [(FAMILY, _seen(pair)) for pair, _ in pairs[60 + number : 120 : 5]])

    assert function.handler({}, Context(300)) == {
        "namespaces": 2, "learnt": 1, "waiting": 1, "left": 0, "failed": {},
    }  # fmt: skip
    assert function.handler({}, Context(300))["learnt"] == 0
    read = EnvironmentLearning(dynamo_learning, epsilon=EPSILON)
    read.settle(ACME)
    served = [equal for pair, equal in stream(100, seed=99, apart=6.0) if read.verifier(ACME).decide(pair).serve]
    assert len(served) > 40
    assert served.count(False) <= 2


def test_with_no_time_left_it_begins_nothing_and_says_so(
    dynamo_learning: DynamoLearningStore,
    environ: None,
) -> None:
    del environ
    for number, (pair, equal) in enumerate(stream(30, seed=5, apart=6.0)):
        dynamo_learning.tell(ACME, FAMILY, Label(_seen(pair), equal or number < 2))

    assert function.handler({}, Context(function.SPARE_S - 1)) == {
        "namespaces": 1, "learnt": 0, "waiting": 0, "left": 1, "failed": {},
    }  # fmt: skip


def test_a_namespace_whose_items_cannot_be_read_does_not_stop_the_function() -> None:
    class Broken(MemoryLearningStore):
        def labels(self, namespace: str, *, limit: int) -> list[tuple[str, Label]]:
            raise KeyError("asked")

    from slipstream.caching.semantic.learner import Learner

    store = Broken()
    for pair, equal in stream(30, seed=5, apart=6.0):
        store.tell(ACME, FAMILY, Label(_seen(pair), equal))

    assert function.respond(Learner(store, epsilon=EPSILON), float("inf"))["failed"] == {"KeyError": 1}


def _seen(pair: Pair) -> Seen:
    return Seen(pair.asked.text, pair.candidate.text, pair.cosine)

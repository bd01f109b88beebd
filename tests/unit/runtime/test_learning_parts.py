"""How learning is put together: a host that is alone learns beside its requests, others leave it to the schedule."""

from __future__ import annotations

from typing import Any

import pytest

from slipstream.aws.credentials import CredentialSource
from slipstream.aws.learning_store import DynamoLearningStore
from slipstream.aws.places import Places
from slipstream.aws.question_store import DynamoQuestionStore
from slipstream.aws.sigv4 import Signer
from slipstream.aws.transport import Transport
from slipstream.caching.answers import AnswerCache
from slipstream.caching.semantic.learner import Learner
from slipstream.fakes.answer_store import MemoryAnswerStore
from slipstream.fakes.learning_store import MemoryLearningStore
from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.cache_settings import CacheSettings
from slipstream.runtime.cache_stores import cache_stores
from slipstream.runtime.learning_parts import build_learner, knowledge, learning_beside
from tests.unit.caching.kept import Clock
from tests.unit.caching.semantic.planted import stream
from tests.unit.caching.semantic.test_learner import ACME, EPSILON, fill


def services() -> dict[str, Any]:
    return {
        "transport": Transport(), "auth": Signer(CredentialSource({}), "us-east-1"),
        "places": Places("us-east-1", {}),
    }  # fmt: skip


def test_a_host_that_is_alone_serves_what_it_has_learnt_by_itself() -> None:
    settings, clock = CacheSettings(epsilon=EPSILON), Clock()
    stores = cache_stores(CacheSettings(), **services())
    labels = stores.labels()
    assert isinstance(labels, MemoryLearningStore)
    known = knowledge(settings, AnswerCache(stores.answers, clock=clock), stores)
    fill(labels, ACME)
    (pair, equal), *_ = stream(1, seed=4, apart=6.0)
    known.learning.tell(ACME, "f", pair, equal=equal, drawn=True)

    known.learning.settle(ACME)
    told = known.learning._told
    assert told is not None
    told().result(60)  # type: ignore[attr-defined]  # the round on its way
    known.learning._all.clear()  # as an environment that begins
    known.learning.settle(ACME)

    assert known.learning.verifier(ACME).calibration.cut is not None


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.25, 150, 350), (1.0, 1000, 1000)])
def test_how_much_is_checked_is_an_operators_choice(share: float, low: int, high: int) -> None:
    settings = CacheSettings(check_share=share)
    stores = cache_stores(settings, **services())
    known = knowledge(settings, AnswerCache(stores.answers), stores)

    assert low <= sum(known.learning.wants_check(ACME) for _ in range(1000)) <= high


def test_it_learns_one_round_at_a_time() -> None:
    store, rounds = MemoryLearningStore(), []

    class Slow(Learner):
        def run(self, *_: Any) -> Any:
            rounds.append(1)
            return super().run()

    told = learning_beside(Slow(store, epsilon=EPSILON), AnswerCache(MemoryAnswerStore()))
    first = told()
    first.result(30)
    told().result(30)

    assert len(rounds) == 2


def test_environments_of_a_deployment_learn_nothing_themselves() -> None:
    settings = CacheSettings(table="answers", bucket="bodies")
    stores = cache_stores(settings, **services())
    known = knowledge(settings, AnswerCache(stores.answers), stores)

    assert isinstance(known.labels, DynamoLearningStore)
    assert isinstance(known.questions, DynamoQuestionStore)
    assert known.learning._told is None


@pytest.mark.parametrize("environ", [{}, {"SLIPSTREAM_CACHE": "on"}])
def test_the_learner_says_which_setting_it_lacks(environ: dict[str, str]) -> None:
    with pytest.raises(BadSetting, match="SLIPSTREAM_CACHE_TABLE"):
        build_learner({"AWS_REGION": "us-east-1"} | environ)

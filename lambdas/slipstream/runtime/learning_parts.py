"""What is known of kept answers beside the answers: its parts in a request's function, and in the learner's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING

from slipstream.beside import Pending
from slipstream.caching.knowledge import Knowledge
from slipstream.caching.semantic.environment import EnvironmentLearning
from slipstream.caching.semantic.learner import Learner, Round
from slipstream.caching.semantic.policy import Sampling
from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.cache_settings import CacheSettings
from slipstream.runtime.cache_stores import CacheStores

if TYPE_CHECKING:
    from slipstream.caching.answers import AnswerCache
    from slipstream.caching.semantic.comparison import Judge

LEARNER_TIMEOUT_S = 20.0
"""Of one call: nobody waits for the learner, and it reads thousands of items at once."""


def knowledge(
    settings: CacheSettings, cache: AnswerCache, stores: CacheStores, *, judge: Judge | None = None
) -> Knowledge:
    """What a request's function knows and tells. A host that is alone learns by itself, beside its requests."""
    told, usual, labels, questions = None, Sampling(), stores.labels(), stores.questions()
    if not settings.table:
        told = learning_beside(Learner(labels, questions, epsilon=settings.epsilon), cache)
    sampling = Sampling(usual.first, settings.check_share, min(usual.steady, settings.check_share))
    return Knowledge(
        answers=cache.store,
        questions=questions,
        labels=labels,
        learning=EnvironmentLearning(labels, epsilon=settings.epsilon, sampling=sampling, judge=judge, told=told),
        tally=stores.tally,
        namespace=cache.policy.namespace,
        epsilon=settings.epsilon,
    )


def learning_beside(learner: Learner, cache: AnswerCache) -> Callable[[], Pending[Round]]:
    """Begins to learn on another thread whenever there are new labels, one round at a time; the round on its way."""
    running: list[Pending[Round]] = []
    starting = Lock()

    def told() -> Pending[Round]:
        with starting:
            if not running or running[0].done:
                running[:] = [cache.beside.start(learner.run)]
            return running[0]

    return told


def build_learner(environ: Mapping[str, str]) -> Learner:
    """The scheduled function's: the table's labels, learnt with the ε of the deployment. Raises BadSetting."""
    from slipstream.aws.credentials import CredentialSource
    from slipstream.aws.places import Places
    from slipstream.aws.sigv4 import Signer
    from slipstream.aws.transport import Transport
    from slipstream.runtime.cache_stores import TableStores
    from slipstream.runtime.settings import read_settings

    settings = read_settings(environ)
    chosen = settings.cache
    if chosen is None or not chosen.table:
        raise BadSetting("SLIPSTREAM_CACHE has to be on, and SLIPSTREAM_CACHE_TABLE the name of the table of answers")
    stores = TableStores(
        chosen,
        transport=Transport(ca_bundle=environ.get("AWS_CA_BUNDLE")),
        auth=Signer(CredentialSource(environ), settings.region),
        places=Places(settings.region, settings.endpoints),
        timeout_s=LEARNER_TIMEOUT_S,
    )
    return Learner(stores.labels(), stores.questions(), epsilon=chosen.epsilon)

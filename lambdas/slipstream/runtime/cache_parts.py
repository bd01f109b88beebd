"""What the cache of answers is made of, over its stores."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from slipstream.once import Once
from slipstream.runtime.cache_settings import CacheSettings
from slipstream.runtime.cache_stores import CacheStores

if TYPE_CHECKING:
    from slipstream.caching.answers import AnswerCache
    from slipstream.caching.knowledge import Knowledge
    from slipstream.caching.lookup import Lookup
    from slipstream.caching.semantic.comparison import Judge
    from slipstream.caching.semantic.serving import SemanticCache
    from slipstream.models.embedding import Embedder
    from slipstream.models.targets import Target
    from slipstream.runtime.question_embedding import QuestionEmbedding


class AnswerParts(NamedTuple):
    """The cache, and what is known beside its answers, made when it is first called for."""

    cache: AnswerCache
    knowledge: Callable[[], Knowledge]


def answer_parts(
    settings: CacheSettings,
    stores: CacheStores,
    *,
    embedder: Embedder,
    target: Callable[[str], Target],
    judge: Callable[[str], Judge],
    clock: Callable[[], float] = time.time,
) -> AnswerParts:
    """``target`` finds an embedding model by its name, ``judge`` makes one of a model's name; ``clock`` gives Unix time
    (s). Nothing is called yet.
    """
    from slipstream.caching.answers import AnswerCache, CacheLimits
    from slipstream.caching.policy import CachePolicy

    policy = CachePolicy(
        ttl_s=settings.ttl_s,
        personal=tuple(re.compile(pattern) for pattern in settings.personal),
        shared=settings.shared,
        semantic=settings.semantic,
        precomputes=settings.precomputes,
    )
    limits = CacheLimits(
        look_s=settings.limit_ms / 1000,
        semantic_s=settings.semantic_limit_ms / 1000,
        lease_s=settings.lease_s,
        lives_s=settings.lives_s,
        chunks_per_s=settings.chunks_per_s,
    )

    def embedding() -> QuestionEmbedding:
        from slipstream.runtime.question_embedding import QuestionEmbedding

        return QuestionEmbedding(embedder, target(settings.semantic_model))

    vectors = Once(embedding)

    def known() -> Knowledge:
        from slipstream.runtime.learning_parts import knowledge

        return knowledge(settings, kept, stores, judge=judge(settings.judge_model) if settings.judge_model else None)

    knowing = Once(known)

    def semantic(lookup: Lookup) -> SemanticCache:
        from slipstream.caching.semantic.families import Families
        from slipstream.caching.semantic.serving import SemanticCache

        return SemanticCache(lookup, Families(stores.questions()), knowing().learning, vectors().of)

    kept = AnswerCache(
        stores.answers, policy=policy, limits=limits, semantic=semantic, space=lambda: vectors().space, clock=clock
    )
    return AnswerParts(kept, knowing)

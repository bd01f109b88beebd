"""The cache of answers: its settings, and what it is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from slipstream.once import Once
from slipstream.runtime.bad_setting import BadSetting

if TYPE_CHECKING:
    from slipstream.aws.dynamodb import Table
    from slipstream.aws.places import Authorizes, Places
    from slipstream.aws.transport import Transport
    from slipstream.caching.answers import AnswerCache
    from slipstream.caching.knowledge import Knowledge
    from slipstream.caching.lookup import Lookup
    from slipstream.caching.semantic.comparison import Judge
    from slipstream.caching.semantic.ports import QuestionStore
    from slipstream.caching.semantic.serving import SemanticCache
    from slipstream.caching.store import AnswerStore
    from slipstream.caching.tally import Tally
    from slipstream.models.embedding import Embedder
    from slipstream.models.targets import Target
    from slipstream.runtime.question_embedding import QuestionEmbedding

Whose = Literal["off", "rag", "all"]
STORE_TIMEOUT_S = 1.0
"""What a table that does not answer may hold a look-up's thread, or the work after the last byte. The caller waits for
``limit_ms`` at most."""


class CacheSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment's choices about kept answers."""

    table: str = ""
    """DynamoDB table of answers; empty: this process's memory only."""
    bucket: str = ""
    """Bucket of bodies that are too large for an item; empty: those are not kept."""
    ttl_s: float = 86_400.0
    limit_ms: float = 50.0
    """What a look-up may take, in ms; later, the model is called."""
    lease_s: float = 10.0
    """How long identical requests wait for the first one's answer."""
    chunks_per_s: float = 0.0
    """Pace at which kept answers are streamed; 0: at once."""
    personal: tuple[str, ...] = ()
    """Regular expressions of what must not be kept, in requests and answers."""
    shared: dict[str, str] = {}
    """Tenant → namespace that it shares with others."""
    semantic: Whose = "rag"
    """Whose questions are compared with others': nobody's, those of ``rag:`` models, or all that are looked up."""
    epsilon: float = 0.01
    """The acceptable share of wrong answers among those served to another wording."""
    semantic_limit_ms: float = 250.0
    """What a look-up by meaning may take, its vector included; later, the model is called."""
    semantic_model: str = "amazon.titan-embed-text-v2:0"
    """Alias, id or ARN of the model that makes the questions' vectors."""
    judge_model: str = ""
    """Alias, id or ARN of the model that compares answers where rules cannot tell; empty: those count as different."""
    check_share: float = 0.5
    """Chance with which a candidate is checked until the first labels are there; 0: none is, and nothing is learnt."""


def read_cache_settings(environ: Mapping[str, str]) -> CacheSettings | None:
    """``SLIPSTREAM_CACHE`` is on or off (the default), the rest ``SLIPSTREAM_CACHE_*``. Raises BadSetting."""
    switch = environ.get("SLIPSTREAM_CACHE") or "off"
    if switch not in ("on", "off"):
        raise BadSetting(f"SLIPSTREAM_CACHE must be on or off, not {switch!r}")
    if switch == "off":
        return None
    usual = CacheSettings()
    return CacheSettings(
        table=environ.get("SLIPSTREAM_CACHE_TABLE", ""),
        bucket=environ.get("SLIPSTREAM_CACHE_BUCKET", ""),
        ttl_s=_number(environ, "SLIPSTREAM_CACHE_TTL_S", usual.ttl_s, 1, 30 * 86_400),
        limit_ms=_number(environ, "SLIPSTREAM_CACHE_LIMIT_MS", usual.limit_ms, 1, 10_000),
        lease_s=_number(environ, "SLIPSTREAM_CACHE_LEASE_S", usual.lease_s, 0.1, 30),
        chunks_per_s=_number(environ, "SLIPSTREAM_CACHE_CHUNKS_PER_S", usual.chunks_per_s, 0, 10_000),
        personal=tuple(pattern.pattern for pattern in _patterns(environ.get("SLIPSTREAM_CACHE_PERSONAL", ""))),
        shared=_shared(environ.get("SLIPSTREAM_CACHE_SHARED", "")),
        semantic=_semantic(environ.get("SLIPSTREAM_CACHE_SEMANTIC") or usual.semantic),
        epsilon=_number(environ, "SLIPSTREAM_CACHE_EPSILON", usual.epsilon, 0.001, 0.5),
        semantic_limit_ms=_number(environ, "SLIPSTREAM_CACHE_SEMANTIC_LIMIT_MS", usual.semantic_limit_ms, 1, 10_000),
        semantic_model=environ.get("SLIPSTREAM_CACHE_SEMANTIC_MODEL") or usual.semantic_model,
        judge_model=environ.get("SLIPSTREAM_CACHE_JUDGE_MODEL", usual.judge_model),
        check_share=_number(environ, "SLIPSTREAM_CACHE_CHECK_SHARE", usual.check_share, 0, 1),
    )


class AnswerParts(msgspec.Struct, frozen=True):
    """The cache, what counts its worth, and what is known beside its answers, made when it is first called for."""

    cache: AnswerCache
    tally: Tally
    knowledge: Callable[[], Knowledge]


def answer_parts(
    settings: CacheSettings,
    *,
    transport: Transport,
    auth: Authorizes,
    places: Places,
    embedder: Embedder,
    target: Callable[[str], Target],
    judge: Callable[[str], Judge],
) -> AnswerParts:
    """The cache over its stores; ``target`` finds an embedding model by its name, ``judge`` makes one of a model's
    name. Nothing is called yet.
    """
    from slipstream.caching.answers import AnswerCache, CacheLimits
    from slipstream.caching.policy import CachePolicy

    policy = CachePolicy(
        ttl_s=settings.ttl_s,
        personal=tuple(re.compile(pattern) for pattern in settings.personal),
        shared=settings.shared,
        semantic=settings.semantic,
    )
    limits = CacheLimits(
        look_s=settings.limit_ms / 1000,
        semantic_s=settings.semantic_limit_ms / 1000,
        lease_s=settings.lease_s,
        chunks_per_s=settings.chunks_per_s,
    )
    store = answer_store(settings, transport=transport, auth=auth, places=places)
    counts = tally(settings, transport=transport, auth=auth, places=places)
    questions = Once(lambda: question_store(settings, transport=transport, auth=auth, places=places))

    def embedding() -> QuestionEmbedding:
        from slipstream.runtime.question_embedding import QuestionEmbedding

        return QuestionEmbedding(embedder, target(settings.semantic_model))

    vectors = Once(embedding)

    def known() -> Knowledge:
        from slipstream.runtime.learning_parts import knowledge, label_store

        labels = label_store(settings, transport=transport, auth=auth, places=places)
        judged_by = judge(settings.judge_model) if settings.judge_model else None
        return knowledge(settings, kept, questions=questions(), labels=labels, tally=counts, judge=judged_by)

    knowing = Once(known)

    def semantic(lookup: Lookup) -> SemanticCache:
        from slipstream.caching.semantic.families import Families
        from slipstream.caching.semantic.serving import SemanticCache

        return SemanticCache(lookup, Families(questions()), knowing().learning, vectors().of)

    kept = AnswerCache(store, policy=policy, limits=limits, semantic=semantic, space=lambda: vectors().space)
    return AnswerParts(kept, counts, knowing)


def answer_store(settings: CacheSettings, *, transport: Transport, auth: Authorizes, places: Places) -> AnswerStore:
    """Where answers are kept: the table and the bucket, or this process's memory where there is no table."""
    if not settings.table:
        from slipstream.fakes.answer_store import MemoryAnswerStore

        return MemoryAnswerStore()
    from slipstream.aws.answer_store import DynamoAnswerStore
    from slipstream.aws.object_bodies import ObjectBodies

    objects = None
    if settings.bucket:
        objects = ObjectBodies(
            settings.bucket, transport=transport, auth=auth, places=places, timeout_s=STORE_TIMEOUT_S
        )
    return DynamoAnswerStore(_table(settings, transport, auth, places), objects)


def question_store(settings: CacheSettings, *, transport: Transport, auth: Authorizes, places: Places) -> QuestionStore:
    """Where known questions are kept: beside the answers."""
    if not settings.table:
        from slipstream.fakes.question_store import MemoryQuestionStore

        return MemoryQuestionStore()
    from slipstream.aws.question_store import DynamoQuestionStore

    return DynamoQuestionStore(_table(settings, transport, auth, places))


def tally(settings: CacheSettings, *, transport: Transport, auth: Authorizes, places: Places) -> Tally:
    """What counts the worth of kept answers, in the table or in this process's memory. Nothing is called yet."""
    from slipstream.caching.tally import Tally

    if not settings.table:
        from slipstream.fakes.tally_store import MemoryTallyStore

        return Tally(MemoryTallyStore())
    from slipstream.aws.tally_store import DynamoTallyStore

    return Tally(DynamoTallyStore(_table(settings, transport, auth, places)))


def _table(settings: CacheSettings, transport: Transport, auth: Authorizes, places: Places) -> Table:
    from slipstream.aws.dynamodb import Table, dynamodb

    return Table(settings.table, dynamodb(transport=transport, auth=auth, places=places, timeout_s=STORE_TIMEOUT_S))


def _semantic(text: str) -> Whose:
    try:
        whose: Whose = msgspec.convert(text, Whose)
    except msgspec.ValidationError:
        raise BadSetting(f"SLIPSTREAM_CACHE_SEMANTIC must be off, rag or all, not {text!r}") from None
    return whose


def _number(environ: Mapping[str, str], name: str, usual: float, low: float, high: float) -> float:
    text = environ.get(name)
    if not text:
        return usual
    try:
        value = float(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise BadSetting(f"{name} must be a number from {low:g} to {high:g}, not {text!r}")
    return value


def _patterns(text: str) -> list[re.Pattern[str]]:
    try:
        found = msgspec.json.decode(text, type=list[str]) if text else []
    except msgspec.MsgspecError:
        raise BadSetting('SLIPSTREAM_CACHE_PERSONAL must be a JSON list of regular expressions, as ["@"]') from None
    out = []
    for pattern in found:
        try:
            out.append(re.compile(pattern))
        except re.error as error:
            raise BadSetting(
                f"SLIPSTREAM_CACHE_PERSONAL has {pattern!r}, which is no regular expression: {error}"
            ) from None  # fmt: skip
    return out


def _shared(text: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(text, type=dict[str, str]) if text else {}
    except msgspec.MsgspecError:
        raise BadSetting(
            'SLIPSTREAM_CACHE_SHARED must be a JSON object, tenant → namespace, as {"acme": "group"}'
        ) from None  # fmt: skip

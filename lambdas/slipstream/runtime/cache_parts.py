"""The cache of answers: its settings, and what it is made of."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from slipstream.runtime.bad_setting import BadSetting

if TYPE_CHECKING:
    from slipstream.aws.dynamodb import Table
    from slipstream.aws.places import Authorizes, Places
    from slipstream.aws.transport import Transport
    from slipstream.caching.answers import AnswerCache
    from slipstream.caching.store import AnswerStore

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
    precomputes: bool = False
    """Whether answers are made before anybody asks."""
    lives_s: float = 0.0
    """How much longer a kept answer has to live to be served, in s."""


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
        ttl_s=number(environ, "SLIPSTREAM_CACHE_TTL_S", usual.ttl_s, 1, 30 * 86_400),
        limit_ms=number(environ, "SLIPSTREAM_CACHE_LIMIT_MS", usual.limit_ms, 1, 10_000),
        lease_s=number(environ, "SLIPSTREAM_CACHE_LEASE_S", usual.lease_s, 0.1, 30),
        chunks_per_s=number(environ, "SLIPSTREAM_CACHE_CHUNKS_PER_S", usual.chunks_per_s, 0, 10_000),
        personal=tuple(pattern.pattern for pattern in _patterns(environ.get("SLIPSTREAM_CACHE_PERSONAL", ""))),
        shared=_shared(environ.get("SLIPSTREAM_CACHE_SHARED", "")),
    )


def answer_cache(settings: CacheSettings, store: AnswerStore, *, clock: Callable[[], float] = time.time) -> AnswerCache:
    """The cache over its store; ``clock`` gives Unix time (s). Nothing is called yet."""
    from slipstream.caching.answers import AnswerCache, CacheLimits
    from slipstream.caching.policy import CachePolicy

    policy = CachePolicy(
        ttl_s=settings.ttl_s,
        personal=tuple(re.compile(pattern) for pattern in settings.personal),
        shared=settings.shared,
        precomputes=settings.precomputes,
    )
    limits = CacheLimits(
        look_s=settings.limit_ms / 1000,
        lease_s=settings.lease_s,
        lives_s=settings.lives_s,
        chunks_per_s=settings.chunks_per_s,
    )
    return AnswerCache(store, policy=policy, limits=limits, clock=clock)


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
    table = answers_table(settings, transport=transport, auth=auth, places=places)
    return DynamoAnswerStore(table, objects)


def answers_table(settings: CacheSettings, *, transport: Transport, auth: Authorizes, places: Places) -> Table:
    """The table of answers and of all that is known of them."""
    from slipstream.aws.dynamodb import Table, dynamodb

    service = dynamodb(transport=transport, auth=auth, places=places, timeout_s=STORE_TIMEOUT_S)
    return Table(settings.table, service)


def number(environ: Mapping[str, str], name: str, usual: float, low: float, high: float) -> float:
    """The variable's value, ``usual`` where it is not set. Raises BadSetting."""
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

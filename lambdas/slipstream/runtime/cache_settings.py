"""The settings of kept answers, as the environment gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from slipstream.runtime.bad_setting import BadSetting

Whose = Literal["off", "rag", "all"]


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
        semantic=_semantic(environ.get("SLIPSTREAM_CACHE_SEMANTIC") or usual.semantic),
        epsilon=number(environ, "SLIPSTREAM_CACHE_EPSILON", usual.epsilon, 0.001, 0.5),
        semantic_limit_ms=number(environ, "SLIPSTREAM_CACHE_SEMANTIC_LIMIT_MS", usual.semantic_limit_ms, 1, 10_000),
        semantic_model=environ.get("SLIPSTREAM_CACHE_SEMANTIC_MODEL") or usual.semantic_model,
        judge_model=environ.get("SLIPSTREAM_CACHE_JUDGE_MODEL", usual.judge_model),
        check_share=number(environ, "SLIPSTREAM_CACHE_CHECK_SHARE", usual.check_share, 0, 1),
    )


def _semantic(text: str) -> Whose:
    try:
        whose: Whose = msgspec.convert(text, Whose)
    except msgspec.ValidationError:
        raise BadSetting(f"SLIPSTREAM_CACHE_SEMANTIC must be off, rag or all, not {text!r}") from None
    return whose


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

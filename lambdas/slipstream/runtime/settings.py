"""The chat function's settings: read once from its environment, typed, with errors that name the variable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from slipstream.errors import InvalidRequest
from slipstream.models.identifiers import parse_arn
from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.cache_parts import CacheSettings, read_cache_settings
from slipstream.runtime.query_log_parts import QueryLogSettings, read_query_log_settings
from slipstream.runtime.search_parts import SearchSettings, read_search_settings

T = TypeVar("T")
DEFAULT_REWRITE_MODEL = "fast"
DEFAULT_REWRITE_LIMIT_MS = 800
"""A small model's first token takes some 450 ms and a question's 20 tokens another 150; the rule is there at once."""
MOST_REWRITE_LIMIT_MS = 10_000
DEFAULT_LEG_TIMEOUT_MS = 1_000
"""As long as the question's vector may take; the other leg answers without one that is stuck."""
MOST_LEG_TIMEOUT_MS = 60_000
ENDPOINT_SERVICES = ("bedrock-runtime", "bedrock-mantle", "bedrock-agent-runtime", "bedrock", "dynamodb", "s3")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a deployment chooses for the chat function."""

    region: str
    aliases: dict[str, str] = {}
    """Alias → model id or inference-profile id."""
    prices: dict[str, dict[str, Any]] = {}
    """Model id → dollars per million tokens (input, output, cache_read, cache_write), over the catalogue's."""
    state_table: str = ""
    """DynamoDB table for learnt rules; empty: this environment's memory only."""
    cors_origins: list[str] = []
    """Origins that browsers may call from; ``*`` for all, empty for none."""
    heartbeat_s: float = 15.0
    """Seconds without an event after which a stream gets a sign of life."""
    whole_silence_s: float = 240.0
    """Seconds after which a whole answer that is not there yet commits itself to status 200 and shows signs of life."""
    connect_timeout_s: float = 3.0
    read_timeout_s: float = 300.0
    """Longest silence of the model service, in seconds."""
    metrics_namespace: str = "Slipstream"
    endpoints: dict[str, str] = {}
    """Service → base URL, where the SDK's own variables say so (tests, the local stack)."""
    search: SearchSettings | None = None
    """The search engine; None: no retrieval."""
    rerank_model: str = ""
    """ARN of the foundation model that re-ranks where a request asks for it; empty: none does."""
    rewrite_model: str = DEFAULT_REWRITE_MODEL
    """Alias, id or ARN of the model that makes follow-up questions stand alone; empty: a rule does."""
    rewrite_limit_ms: int = DEFAULT_REWRITE_LIMIT_MS
    """What that may take before the rule serves."""
    leg_timeout_ms: int = DEFAULT_LEG_TIMEOUT_MS
    """What one leg of a search may take where its request does not say."""
    cache: CacheSettings | None = None
    """Kept answers; None: every answer is made anew."""
    query_log: QueryLogSettings | None = None
    """The log of what is asked; None: nothing of it is written."""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Build Settings from environment variables. Raises BadSetting."""
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise BadSetting("AWS_REGION is not set: set it to the region that Bedrock is called in, for example us-east-1")
    defaults = Settings(region=region)
    cache = read_cache_settings(environ)
    return Settings(
        region=region,
        aliases=_json(environ, "SLIPSTREAM_ALIASES", dict[str, str]) or {},
        prices=_json(environ, "SLIPSTREAM_PRICES", dict[str, dict[str, Any]]) or {},
        state_table=environ.get("SLIPSTREAM_STATE_TABLE", ""),
        cors_origins=environ.get("SLIPSTREAM_CORS_ORIGINS", "").replace(",", " ").split(),
        heartbeat_s=_seconds(environ, "SLIPSTREAM_HEARTBEAT_S", defaults.heartbeat_s),
        whole_silence_s=_seconds(environ, "SLIPSTREAM_WHOLE_SILENCE_S", defaults.whole_silence_s),
        connect_timeout_s=_seconds(environ, "SLIPSTREAM_CONNECT_TIMEOUT_S", defaults.connect_timeout_s),
        read_timeout_s=_seconds(environ, "SLIPSTREAM_READ_TIMEOUT_S", defaults.read_timeout_s),
        metrics_namespace=environ.get("SLIPSTREAM_METRICS_NAMESPACE", defaults.metrics_namespace),
        endpoints=_endpoints(environ),
        search=read_search_settings(environ),
        cache=cache,
        query_log=read_query_log_settings(environ, cache),
        rerank_model=_rerank_model(environ.get("SLIPSTREAM_RERANK_MODEL", ""), region),
        rewrite_model=environ.get("SLIPSTREAM_REWRITE_MODEL", defaults.rewrite_model),
        rewrite_limit_ms=_milliseconds(
            environ, "SLIPSTREAM_REWRITE_LIMIT_MS", defaults.rewrite_limit_ms, MOST_REWRITE_LIMIT_MS
        ),
        leg_timeout_ms=_milliseconds(
            environ, "SLIPSTREAM_LEG_TIMEOUT_MS", defaults.leg_timeout_ms, MOST_LEG_TIMEOUT_MS
        ),
    )


def _rerank_model(text: str, region: str) -> str:
    """The ARN of a model that is named by ARN or id, which stands in ``region`` then."""
    arn = text if text.startswith("arn:") or not text else f"arn:aws:bedrock:{region}::foundation-model/{text}"
    try:
        fits = not arn or parse_arn(arn).kind == "foundation-model"
    except InvalidRequest:
        fits = False
    if not fits:
        raise BadSetting(
            "SLIPSTREAM_RERANK_MODEL must be a foundation model's id or ARN, as cohere.rerank-v3-5:0 or "
            f"arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0, not {text!r}"
        )
    return arn


def _json(environ: Mapping[str, str], name: str, kind: type[T]) -> T | None:
    text = environ.get(name)
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as error:
        raise BadSetting(f"{name} must be a JSON object ({error}); it is {len(text)} characters that are not") from None


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 900:
        raise BadSetting(f"{name} must be a number of seconds above 0 and up to 900, not {text!r}")
    return value


def _milliseconds(environ: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise BadSetting(f"{name} must be a whole number of milliseconds from 1 to {most}, not {text!r}")
    return int(text)


def _endpoints(environ: Mapping[str, str]) -> dict[str, str]:
    everywhere = environ.get("AWS_ENDPOINT_URL", "")
    found = {s: environ.get(f"AWS_ENDPOINT_URL_{s.upper().replace('-', '_')}") or everywhere for s in ENDPOINT_SERVICES}
    return {service: url for service, url in found.items() if url}

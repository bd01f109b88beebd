"""A call with every choice made: which model, where, with which parameters and cache points."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from slipstream.chat.request import ChatRequest
from slipstream.models.identifiers import region_of


class Endpoint(msgspec.Struct, frozen=True):
    """Where and how a model is called, from the catalogue.

    ``dialect`` is ``converse`` or ``responses``; ``host`` a template with ``{region}``; ``path_prefix`` is put before
    the operation's path (``/openai/v1``); ``signing_name`` is SigV4's service.
    """

    dialect: Literal["converse", "responses"] = "converse"
    host: str = "bedrock-runtime.{region}.amazonaws.com"
    path_prefix: str = ""
    signing_name: str = "bedrock"


class Price(msgspec.Struct, frozen=True):
    """US dollars per million tokens at the standard tier."""

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    as_of: str = ""
    source: str = ""
    cache_write_1h: float | None = None
    """Price of a write that lives one hour; ``None``: as ``cache_write``."""
    verified: bool = False
    """Read on the provider's own price page at ``as_of``; otherwise a secondary source says so."""
    tier_factors: dict[str, float] = {}
    """Service tier → factor on every price (flex 0.5, …); absent: 1."""
    long_above_tokens: int | None = None
    """A prompt with more input tokens than this is billed at ``long_factor`` times every price."""
    long_factor: float = 1.0


class PromptCache(msgspec.Struct, frozen=True):
    """How a model caches prompt prefixes. ``min_tokens`` is the shortest prefix that is kept.

    ``explicit`` needs cachePoints, ``implicit`` reuses prefixes by itself; ``places`` says where a point may stand.
    """

    kind: Literal["explicit", "implicit", "none"] = "none"
    min_tokens: int = 1024
    max_points: int = 4
    ttls: tuple[str, ...] = ("5m",)
    places: tuple[Literal["tools", "system", "messages"], ...] = ("tools", "system", "messages")


class CacheMark(msgspec.Struct, frozen=True):
    """After what a cachePoint is put: all tools, all system blocks, or message number ``index``."""

    after: Literal["tools", "system", "message"]
    index: int = -1
    ttl: str | None = None


class ResolvedCall(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent upstream. ``request`` holds the content; everything else here overrides it."""

    request: ChatRequest
    target_id: str
    """The id to put into the upstream call: model id, inference-profile id or ARN."""
    model_id: str
    """The catalogue's canonical id without geographic prefix: what rules, prices and metrics go by."""
    known: bool = True
    """Whether the catalogue has it; otherwise ``model_id`` may be any text of the caller's."""
    endpoint: Endpoint = Endpoint()
    price: Price | None = None
    sent: dict[str, Any] = {}
    """Parameters that go out: max_tokens, temperature, top_p, top_k, stop, reasoning_effort. Absent: not sent."""
    top_k_field: str | None = None
    """Where top_k goes inside additionalModelRequestFields (``top_k``, or ``inferenceConfig.topK``)."""
    reasoning_fields: dict[str, Any] = {}
    """What carries ``reasoning_effort`` inside additionalModelRequestFields (``{"thinking": …}``). Empty while
    ``sent`` has a ``reasoning_effort``: it goes into ``outputConfig.effort`` (Responses: ``reasoning.effort``)."""
    latency: str | None = None
    service_tier: str | None = None
    prompt_cache: PromptCache | None = None
    """The model's prompt cache; ``None``: it has none, or has rejected cache points."""
    burndown: float = 1.0
    """Quota tokens that one output token costs."""
    cache_points: list[CacheMark] = []
    """Checkpoints that the prompt plan adds to the caller's own; at most four in all."""
    notes: list[str] = []
    """What was changed and why, told in the reply."""

    @property
    def region(self) -> str | None:
        """The region that ``target_id`` names, if it is an ARN: that one is called. None: the gateway's own."""
        return region_of(self.target_id)

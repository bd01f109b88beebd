"""The models that the local server serves, read from data/models.json."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Any, Literal

import msgspec

Api = Literal["converse", "invoke", "count_tokens", "responses", "chat", "rerank"]


class PaceConstants(msgspec.Struct, frozen=True):
    """Constants of the latency model, with where they come from."""

    queue_ms: float
    base_ms: float
    prefill_tokens_per_s: float
    output_tokens_per_s: float
    source: str
    as_of: str


class PaceFactor(msgspec.Struct, frozen=True):
    """What latency=optimized or a service tier does to the pace."""

    ttft_factor: float
    output_rate_factor: float
    source: str
    as_of: str


class CacheRules(msgspec.Struct, frozen=True):
    """How a model caches prompts. ``implicit`` reads show in usage, or are only felt as latency, or do not happen."""

    min_tokens: int
    ttls: tuple[str, ...]
    lookback_blocks: int = 0
    implicit: Literal["none", "latency", "reported"] = "none"
    explicit: bool = True


class Model(msgspec.Struct, frozen=True):
    """One foundation model. ``rejects`` names the parameter rules in rules.py."""

    id: str
    name: str
    family: str
    provider: str
    apis: tuple[Api, ...]
    on_demand: bool
    context_tokens: int
    output_tokens: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    burndown: float
    tiers: tuple[str, ...]
    pace: PaceConstants
    cache: CacheRules | None = None
    profiles: tuple[str, ...] = ()
    rejects: tuple[str, ...] = ()
    efforts: tuple[str, ...] = ()
    """Values of ``reasoning.effort`` that it takes."""
    optimized: str | None = None
    also: tuple[str, ...] = ()


class Catalogue(msgspec.Struct, frozen=True):
    """All models by every id, and the pace factors by name."""

    models: tuple[Model, ...]
    by_id: dict[str, Model]
    optimized: dict[str, PaceFactor]
    tiers: dict[str, PaceFactor]


def _merged(family: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = family | own
    if family.get("cache") and own.get("cache"):
        merged["cache"] = family["cache"] | own["cache"]
    return merged


@lru_cache(maxsize=1)
def load() -> Catalogue:
    """Read the shipped table once."""
    raw = msgspec.json.decode(resources.files("local.bedrock").joinpath("data/models.json").read_bytes())
    models = tuple(msgspec.convert(_merged(raw["families"][m["family"]], m), Model) for m in raw["models"])
    by_id = {name: model for model in models for name in (model.id, *model.also)}
    return Catalogue(
        models=models,
        by_id=by_id,
        optimized=msgspec.convert(raw["optimized"], dict[str, PaceFactor]),
        tiers=msgspec.convert(raw["tiers"], dict[str, PaceFactor]),
    )

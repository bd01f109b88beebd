"""The latency model: when the first token comes, and each one after it.

TTFT = queue + base + prefill tokens / prefill rate, where a token read from the prompt cache counts for an eighth; then
one token every 1 / output rate. Constants: data/models.json, each with its source and date. Fixed paces replace the
model for benchmarks.
"""

from __future__ import annotations

import msgspec

from local.bedrock.catalogue import Catalogue, Model
from local.bedrock.settings import Settings

CACHED_IN_PREFILL_TOKENS = 1 / 8
"""What reading a cached token takes, in tokens computed. An assumption: with it a cached book of 100,000 tokens comes 5
times sooner, and a secondary source quotes Anthropic with 79 % less waiting (4.8 times) for one (2024-08).
"""


class Pace(msgspec.Struct, frozen=True):
    """Seconds until the first token and between tokens."""

    first_token_s: float
    token_s: float

    def at(self, index: int) -> float:
        """Seconds from the request to token ``index`` (0, 1, …)."""
        return self.first_token_s + index * self.token_s


def pace_of(
    model: Model,
    prefill_tokens: int,
    *,
    cached_tokens: int = 0,
    catalogue: Catalogue,
    settings: Settings,
    latency: str | None,
    tier: str | None,
) -> Pace:
    """The pace of one call; ``latency`` and ``tier`` are those really used."""
    constants = model.pace
    read = prefill_tokens + cached_tokens * CACHED_IN_PREFILL_TOKENS
    first_s = (constants.queue_ms + constants.base_ms) / 1000 + read / constants.prefill_tokens_per_s
    token_s = 1 / constants.output_tokens_per_s
    factors = [catalogue.tiers[tier]] if tier in catalogue.tiers else []
    if latency == "optimized" and model.optimized:
        factors.append(catalogue.optimized[model.optimized])
    for factor in factors:
        first_s *= factor.ttft_factor
        token_s /= factor.output_rate_factor
    if settings.first_token_ms is not None:
        first_s = settings.first_token_ms / 1000
    if settings.token_ms is not None:
        token_s = settings.token_ms / 1000
    return Pace(first_s, token_s)

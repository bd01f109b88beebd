"""What a call cost, and what the prompt cache saved or lost on it."""

from __future__ import annotations

import msgspec

from slipstream.chat.events import Usage
from slipstream.models.resolved import Price, ResolvedCall


class Cost(msgspec.Struct, frozen=True):
    """US dollars. ``None``: no price is known.

    ``saved_usd`` compares with the same request without cache points: reads saved minus what writes cost extra;
    negative where the cache lost money.
    """

    usd: float | None
    saved_usd: float | None

    def plus(self, other: Cost) -> Cost:
        """Both calls together; a call whose price is not known adds nothing to one whose price is."""
        if self.usd is None or self.saved_usd is None or other.usd is None or other.saved_usd is None:
            return self
        return Cost(round(self.usd + other.usd, 10), round(self.saved_usd + other.saved_usd, 10))


UNPRICED = Cost(None, None)


def price_of(call: ResolvedCall, usage: Usage) -> Cost:
    """Cost of one call from its tokens, its model's price, the tier really used and the length of its prompt.

    usd = (input * p_in + read * p_read + write * p_write + output * p_out) / 1e6 * tier factor * long-prompt factor
    """
    price = call.price
    if price is None:
        return UNPRICED
    read, written = usage.cache_read_tokens, usage.cache_write_tokens
    read_price = price.input if price.cache_read is None else price.cache_read
    write_cost = _write_cost(price, usage)
    base = usage.input_tokens * price.input + read * read_price + write_cost + usage.output_tokens * price.output
    saved = (read + written) * price.input - read * read_price - write_cost
    factor = _factor(price, usage, call.service_tier)
    return Cost(round(base * factor / 1e6, 10), round(saved * factor / 1e6, 10))


def _write_cost(price: Price, usage: Usage) -> float:
    """Micro-dollars for cache writes; Bedrock's cacheDetails say which part lives an hour."""
    usual = price.input if price.cache_write is None else price.cache_write
    long = usual if price.cache_write_1h is None else price.cache_write_1h
    in_1h = 0
    for detail in usage.cache_details if isinstance(usage.cache_details, list) else ():
        if isinstance(detail, dict) and detail.get("ttl") == "1h":
            in_1h += detail.get("inputTokens", 0)
    in_1h = min(in_1h, usage.cache_write_tokens)
    return (usage.cache_write_tokens - in_1h) * usual + in_1h * long


def _factor(price: Price, usage: Usage, asked_tier: str | None) -> float:
    factor = price.tier_factors.get(usage.service_tier or asked_tier or "default", 1.0)
    total = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    if price.long_above_tokens is not None and total > price.long_above_tokens:
        factor *= price.long_factor
    return factor

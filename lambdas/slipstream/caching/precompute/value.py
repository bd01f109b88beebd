"""What an answer that is there already is worth, and what it costs to have it there.

value = expected hits x (seconds saved x dollars a second + dollars saved) - cost of answering - cost of storing
"""

from __future__ import annotations

import msgspec

from slipstream.chat.events import Usage
from slipstream.chat.request import ChatRequest, Message, Text
from slipstream.errors import InvalidRequest
from slipstream.models.cost import price_of
from slipstream.models.estimate import LIKELY_CHARS_PER_TOKEN
from slipstream.models.resolve import Resolver

WRITE_USD_PER_MILLION, STORED_USD_PER_GB_MONTH = 0.625, 0.25
"""DynamoDB on demand, a KB a write unit; us-east-1, from memory of AWS's price page, 2026-11-26, unverified."""
READ_USD_PER_MILLION = 0.125
READ_KB = 4
LARGEST_USD = 1e6


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer is made and kept, and what a user's waiting is worth. Token counts without the question's own."""

    model: str = "balanced"
    context_tokens: int = 2500
    """Instructions and five passages: what retrieval puts before the question."""
    answer_tokens: int = 300
    saved_s: float = 3.0
    """Seconds that a hit saves a user: retrieval, first token and the rest of the answer, less a cache's reply."""
    second_usd: float = 0.005
    """What a second of a user's waiting is worth: 0.005 is 18 dollars an hour."""
    price_factor: float = 1.0
    """On the price of answering beforehand alone: 0.5 where batch inference fills the cache."""
    answer_kb: float = 8.0
    kept_months: float = 1.0


class Worth(msgspec.Struct, frozen=True):
    """Dollars of one question in the next period."""

    cost_usd: float
    value_usd: float


class Valuation:
    """Prices a question by the model catalogue. Raises InvalidRequest for costs that mean nothing."""

    def __init__(self, costs: Costs, resolver: Resolver) -> None:
        """Raises ModelNotFound for a model that is none, InvalidRequest where it has no price."""
        for name in ("context_tokens", "answer_tokens", "saved_s", "second_usd", "price_factor", "answer_kb",
                     "kept_months"):  # fmt: skip
            if not 0 <= getattr(costs, name) <= LARGEST_USD:
                raise InvalidRequest(
                    f"{name} is {getattr(costs, name)}; it should be 0 to {LARGEST_USD:,.0f}.", param=name
                )
        self._costs = costs
        self._call = resolver.resolve(ChatRequest(model=costs.model, messages=[Message("user", [Text("")])]))
        if self._call.price is None:
            raise InvalidRequest(
                f"No price of {costs.model!r} is known, so no answer's cost can be told. Name another model, or give "
                "its price in SLIPSTREAM_PRICES.",
                param="model",
            )
        self.model_id = self._call.model_id
        stored_gb = costs.answer_kb / 1024**2
        self._storing_usd = (
            costs.answer_kb * WRITE_USD_PER_MILLION / 1e6 + stored_gb * STORED_USD_PER_GB_MONTH * costs.kept_months
        )
        self._read_usd = max(1.0, costs.answer_kb / READ_KB) * READ_USD_PER_MILLION / 1e6

    def worth(self, question: str, expected_hits: float) -> Worth:
        """Cost of having the answer, and what is left of its use after that."""
        costs = self._costs
        tokens = costs.context_tokens + round(len(question) / LIKELY_CHARS_PER_TOKEN)
        live_usd = price_of(self._call, Usage(input_tokens=tokens, output_tokens=costs.answer_tokens)).usd or 0.0
        cost = live_usd * costs.price_factor + self._storing_usd
        saved = costs.saved_s * costs.second_usd + live_usd - self._read_usd
        return Worth(cost, expected_hits * saved - cost)

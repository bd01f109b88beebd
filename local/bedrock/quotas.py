"""Tokens and requests a minute, reserved at the start and settled at the end, as Bedrock accounts for them.

Start: total input + max_tokens (the model's maximum where unset). End: input + cache writes + output x burndown; the
rest is returned. Cache reads do not count. (Amazon Bedrock user guide, "how tokens are counted".) Refill is continuous:
Bedrock publishes no window.
"""

from __future__ import annotations

import msgspec

from local.bedrock.catalogue import Model
from local.bedrock.clock import Clock
from local.bedrock.errors import BedrockError
from local.bedrock.prompt import Usage


class Limit(msgspec.Struct, frozen=True):
    """Per minute; ``None`` is unlimited."""

    tpm: int | None = None
    rpm: int | None = None


class _Bucket:
    """Holds at most a minute's allowance; may go below zero when an answer costs more than was reserved."""

    def __init__(self, clock: Clock, per_minute: int) -> None:
        self._clock, self.per_minute = clock, per_minute
        self.level, self._at = float(per_minute), clock.now()

    def refill(self) -> None:
        now = self._clock.now()
        self.level = min(float(self.per_minute), self.level + (now - self._at) * self.per_minute / 60)
        self._at = now

    def add(self, amount: float) -> None:
        self.refill()
        self.level = min(float(self.per_minute), self.level + amount)


class Quotas:
    """The account's quotas, by model."""

    def __init__(self, clock: Clock, limit: Limit) -> None:
        self._clock, self._default = clock, limit
        self._limits: dict[str, Limit] = {}
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def set(self, model_id: str | None, limit: Limit) -> None:
        """Set a model's limit, or with ``None`` everyone's; buckets start full."""
        if model_id is None:
            self._default = limit
            self._limits.clear()
            self._buckets.clear()
            return
        self._limits[model_id] = limit
        for kind in ("tokens", "requests"):
            self._buckets.pop((model_id, kind), None)

    def reserve(self, model: Model, input_tokens: int, max_tokens: int | None) -> float:
        """Take a request and its tokens; returns the reservation. Raises ThrottlingException where they do not fit."""
        limit = self._limits.get(model.id, self._default)
        tokens, requests = self._bucket(model.id, "tokens", limit.tpm), self._bucket(model.id, "requests", limit.rpm)
        reservation = float(input_tokens + (model.output_tokens if max_tokens is None else max_tokens))
        if requests is not None and requests.level < 1:
            raise BedrockError("ThrottlingException", "Too many requests, please wait before trying again.")
        if tokens is not None and tokens.level < reservation:
            raise BedrockError("ThrottlingException", "Too many tokens, please wait before trying again.")
        if requests is not None:
            requests.add(-1)
        if tokens is not None:
            tokens.add(-reservation)
        return reservation

    def settle(self, model: Model, reservation: float, usage: Usage) -> None:
        """Return what was reserved and not used."""
        limit = self._limits.get(model.id, self._default)
        tokens = self._bucket(model.id, "tokens", limit.tpm)
        if tokens is not None:
            tokens.add(reservation - (usage.input + usage.cache_write + usage.output * model.burndown))

    def levels(self) -> dict[str, dict[str, float]]:
        """What is left now, by model."""
        found: dict[str, dict[str, float]] = {}
        for (model_id, kind), bucket in self._buckets.items():
            bucket.refill()
            found.setdefault(model_id, {})[kind] = round(bucket.level, 1)
        return found

    def _bucket(self, model_id: str, kind: str, per_minute: int | None) -> _Bucket | None:
        if per_minute is None:
            return None
        bucket = self._buckets.get((model_id, kind))
        if bucket is None:
            bucket = self._buckets[(model_id, kind)] = _Bucket(self._clock, per_minute)
        bucket.refill()
        return bucket

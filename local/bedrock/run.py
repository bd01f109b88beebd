"""One admitted call."""

from __future__ import annotations

import msgspec

from local.bedrock.catalogue import Model
from local.bedrock.pace import Pace
from local.bedrock.prompt import Asked
from local.bedrock.prompt_cache import CacheUse
from local.bedrock.targets import Target


class Run(msgspec.Struct, frozen=True):
    """An admitted call. ``started_s`` is the real monotonic time at which the request was complete."""

    asked: Asked
    target: Target
    cache: CacheUse
    reservation: float
    pace: Pace
    limit_tokens: int
    started_s: float
    latency: str | None
    tier: str | None

    @property
    def model(self) -> Model:
        """The model that answers."""
        return self.target.model

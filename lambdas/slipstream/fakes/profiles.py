"""Inference profiles in memory: a ``ProfileResolver`` for tests and for the local inner loop."""

from __future__ import annotations

from slipstream.errors import ModelNotFound


class InMemoryProfiles:
    """Knows the profiles that it was given, by ARN."""

    def __init__(self, models: dict[str, str] | None = None) -> None:
        self._models = dict(models or {})
        self.lookups: list[str] = []
        """ARNs that were asked for, in order."""

    def model_of(self, profile_arn: str) -> str:
        """The foundation-model id behind a profile. Raises ModelNotFound."""
        self.lookups.append(profile_arn)
        try:
            return self._models[profile_arn]
        except KeyError:
            raise ModelNotFound(f"no inference profile {profile_arn}", param="model") from None

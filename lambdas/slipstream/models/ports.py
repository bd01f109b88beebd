"""What the choice of a model needs from outside, as Protocols. `aws` implements them, `fakes` doubles them."""

from __future__ import annotations

from typing import Protocol


class ParameterRuleStore(Protocol):
    """Rules learnt from rejected calls, shared between environments."""

    def load(self) -> dict[str, dict[str, float]]:
        """Model id → rule (what it rejects, see self_healing.py) → Unix time (s) until which it is believed."""
        ...

    def remember(self, model_id: str, rule: str, until_s: float) -> None:
        """Store a rule; must not raise (a rule that is lost is learnt again)."""
        ...


class ProfileResolver(Protocol):
    """Inference-profile ARNs → model ids."""

    def model_of(self, profile_arn: str) -> str:
        """The foundation-model id behind an application or system inference profile. Raises ModelNotFound."""
        ...

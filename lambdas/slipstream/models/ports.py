"""What the choice of a model needs from outside, as Protocols. `aws` implements them, `fakes` doubles them."""

from __future__ import annotations

from typing import Protocol


class ParameterRuleStore(Protocol):
    """Rules learnt from rejected calls, shared between environments."""

    def load(self) -> dict[str, list[str]]:
        """Model id → parameters that it rejects (names as in ``ResolvedCall.sent``)."""
        ...

    def remember(self, model_id: str, parameter: str) -> None:
        """Store a rule; must not raise (a rule that is lost is learnt again)."""
        ...


class ProfileResolver(Protocol):
    """Inference-profile ARNs → model ids."""

    def model_of(self, profile_arn: str) -> str:
        """The foundation-model id behind an application or system inference profile. Raises ModelNotFound."""
        ...

"""Parameter rules in memory: a ``ParameterRuleStore`` for tests and for the local inner loop."""

from __future__ import annotations


class InMemoryParameterRules:
    """Keeps rules as long as it lives; several resolvers may share one, as environments share the table."""

    def __init__(self, rules: dict[str, dict[str, float]] | None = None) -> None:
        """``rules``: model id → rule → Unix time (s) until which it is believed."""
        self._rules = {model_id: dict(learnt) for model_id, learnt in (rules or {}).items()}
        self.loads = 0
        """How often the rules were read."""

    def load(self) -> dict[str, dict[str, float]]:
        """See ParameterRuleStore; a copy."""
        self.loads += 1
        return {model_id: dict(learnt) for model_id, learnt in self._rules.items()}

    def remember(self, model_id: str, rule: str, until_s: float) -> None:
        """See ParameterRuleStore."""
        self._rules.setdefault(model_id, {})[rule] = until_s

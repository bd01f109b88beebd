"""Parameter rules in memory: a ``ParameterRuleStore`` for tests and for the local inner loop."""

from __future__ import annotations


class InMemoryParameterRules:
    """Keeps rules as long as it lives; several resolvers may share one, as environments share the table."""

    def __init__(self, rules: dict[str, list[str]] | None = None) -> None:
        self._rules = {model_id: list(learnt) for model_id, learnt in (rules or {}).items()}
        self.loads = 0
        """How often the rules were read."""

    def load(self) -> dict[str, list[str]]:
        """Model id → parameters that it rejects; a copy."""
        self.loads += 1
        return {model_id: list(learnt) for model_id, learnt in self._rules.items()}

    def remember(self, model_id: str, parameter: str) -> None:
        """Store a rule, once."""
        learnt = self._rules.setdefault(model_id, [])
        if parameter not in learnt:
            learnt.append(parameter)

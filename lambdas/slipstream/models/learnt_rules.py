"""Rules learnt from rejected calls, as long as they are believed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from math import inf
from threading import Lock

from slipstream.errors import SlipstreamError
from slipstream.models.ports import ParameterRuleStore

RELOAD_S = 300.0
"""How often rules that other environments learnt are read again."""
_NOTHING: frozenset[str] = frozenset()


class LearntRules:
    """What this environment knows, exchanged with a store that may be missing. Safe to share between threads.

    ``clock`` is Unix time (s): rules come from other environments, and a monotonic clock may stand still while this
    one is frozen.
    """

    def __init__(self, store: ParameterRuleStore | None, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._lock = Lock()
        self._until_s: dict[tuple[str, str], float] = {}
        self._believed: dict[str, frozenset[str]] = {}
        self._soonest_s = inf
        self._pending: deque[tuple[str, str, float]] = deque()
        self._loaded_at_s: float | None = None

    def of(self, model_id: str) -> frozenset[str]:
        """The rules for a model that have not expired."""
        if self._clock() >= self._soonest_s:
            self._merge({})
        return self._believed.get(model_id, _NOTHING)

    def add(self, model_id: str, rules: Iterable[str], life_s: float) -> None:
        """Believe ``rules`` from now on; those that are new reach the store with ``exchange``."""
        until_s = self._clock() + life_s
        known = self.of(model_id)
        new = {rule: until_s for rule in rules if rule not in known}
        if new:
            self._merge({model_id: new})
            self._pending.extend((model_id, rule, until_s) for rule in new)

    def pending(self) -> list[tuple[str, str, float]]:
        """Rules that no store has yet, as (model id, rule, until when), each handed out once."""
        out = []
        while self._pending:
            try:
                out.append(self._pending.popleft())
            except IndexError:  # another thread took the last one
                break
        return out

    def exchange(self) -> None:
        """Tell the store what is new, and now and then ask what others learnt. Does I/O; never raises."""
        pending = self.pending()
        if self._store is None:
            return
        for model_id, rule, until_s in pending:
            self._store.remember(model_id, rule, until_s)
        now_s = self._clock()
        if self._loaded_at_s is None or now_s - self._loaded_at_s >= RELOAD_S:
            self._loaded_at_s = now_s
            try:
                self._merge(self._store.load())
            except SlipstreamError:
                return  # what is not loaded is learnt again

    def _merge(self, rules: Mapping[str, Mapping[str, float]]) -> None:
        """Take in ``rules`` and forget what has expired."""
        from slipstream.models.self_healing import is_rule  # its patterns are compiled only where there are rules

        with self._lock:
            until_s = self._until_s
            for model_id, learnt in rules.items():
                for rule, rule_until_s in learnt.items():
                    if is_rule(rule):
                        until_s[model_id, rule] = max(rule_until_s, until_s.get((model_id, rule), 0.0))
            now_s = self._clock()
            self._until_s = {key: until for key, until in until_s.items() if until > now_s}
            believed: dict[str, frozenset[str]] = {}
            for model_id, rule in self._until_s:
                believed[model_id] = believed.get(model_id, _NOTHING) | {rule}
            # A new dict each time: readers on other threads see the old or the new one, never half of one.
            self._believed = believed
            self._soonest_s = min(self._until_s.values(), default=inf)

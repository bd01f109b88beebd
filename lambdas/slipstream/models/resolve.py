"""Every choice about a call: alias → model → preset → parameters, with the reasons."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from threading import Lock
from time import monotonic
from typing import Any

from slipstream.chat.request import ChatRequest, Parameters
from slipstream.errors import InvalidRequest, SlipstreamError
from slipstream.models.aliases import DEFAULT_ALIASES
from slipstream.models.cache_marks import without_own_points
from slipstream.models.catalogue import Catalogue, load
from slipstream.models.content import fit
from slipstream.models.identifiers import region_of
from slipstream.models.model import Model
from slipstream.models.parameters import Settled, settle
from slipstream.models.ports import ParameterRuleStore, ProfileResolver
from slipstream.models.presets import PRESETS
from slipstream.models.resolved import ResolvedCall
from slipstream.models.targets import Target, Targets

RELOAD_S = 300.0
"""How often rules that other environments learnt are read again."""
_NOTHING: frozenset[str] = frozenset()
_UNASKED = Parameters()


class Resolver:
    """Turns requests into resolved calls and learns from rejected ones. Safe to share between threads."""

    def __init__(
        self,
        catalogue: Catalogue | None = None,
        aliases: Mapping[str, str] = DEFAULT_ALIASES,
        rules: ParameterRuleStore | None = None,
        profiles: ProfileResolver | None = None,
        *,
        region: str = "us-east-1",
        prices: Mapping[str, Mapping[str, Any]] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """``region`` is called where an ARN names no other, ``prices`` are the deploy settings' own (model id →
        Price's fields)."""
        self._targets = Targets(catalogue or load(), aliases, profiles, prices or {})
        self._rules = rules
        self._region = region
        self._clock = clock
        self._learning = Lock()
        self._learnt: dict[str, frozenset[str]] = {}
        self._pending: deque[tuple[str, str]] = deque()
        self._loaded_at_s: float | None = None
        self._plain: dict[str, Settled] = {}

    def target(self, name: str) -> Target:
        """The model behind a name, for wires and permissions. Raises ModelNotFound."""
        return self._targets.find(name)

    def hint(self, name: str) -> str:
        """What to say besides when Bedrock does not know ``name``: the nearest names, where it is none of ours."""
        return "" if self._targets.find(name).model.known else self._targets.hint(name)

    def resolve(self, request: ChatRequest) -> ResolvedCall:
        """Make every choice. Raises InvalidRequest (with ``param``), PromptTooLong or ModelNotFound.

        No I/O, except for an application inference profile's ARN the first time that it is seen.
        """
        target = self._targets.find(request.model)
        model = target.model
        if model.kind != "chat" and request.messages:  # without any, it is only asked what the model is
            raise InvalidRequest(f"{model.name} makes embeddings; send it to /v1/embeddings", param="model")
        rejected = self._learnt.get(model.id, _NOTHING)
        notes = list(target.notes)
        fitted = fit(request, model, notes)
        settled = self._settle(model, fitted, rejected)
        notes += settled.notes
        region = region_of(target.target_id) or self._region
        latency, tier = self._service(request, model, region, rejected, notes)
        if "cache_points" in rejected:
            fitted = without_own_points(fitted, notes)
        cache = model.cache if model.cache.kind != "none" and "cache_points" not in rejected else None
        return ResolvedCall(
            request=fitted,
            target_id=target.target_id,
            model_id=model.id,
            endpoint=model.endpoint,
            price=target.price,
            sent=dict(settled.sent),
            top_k_field=model.rules.top_k_field,
            reasoning_fields=dict(settled.reasoning_fields),
            latency=latency,
            service_tier=tier,
            prompt_cache=cache,
            burndown=model.burndown,
            notes=notes,
        )

    def learn(self, call: ResolvedCall, error: SlipstreamError) -> ResolvedCall | None:
        """The call again without what the model has just rejected, or None where the error says nothing of the kind.

        The rule is remembered at once; it reaches the store with ``settle``. A forced tool choice is never dropped.
        """
        from slipstream.models.self_healing import heal  # its patterns are compiled only where a call was rejected

        healed = heal(call, error)
        if healed is None:
            return None
        again, rules = healed
        new = [rule for rule in rules if rule not in self._learnt.get(call.model_id, _NOTHING)]
        if new:
            self._add({call.model_id: new})
            self._pending.extend((call.model_id, rule) for rule in new)
        return again

    def pending_rules(self) -> list[tuple[str, str]]:
        """Rules learnt since the last call of this, as (model id, rule); the caller stores them."""
        out = []
        while self._pending:
            try:
                out.append(self._pending.popleft())
            except IndexError:  # another thread took the last one
                break
        return out

    def settle(self) -> None:
        """Exchange rules with the store. To be run after the last byte: it does I/O, and never raises."""
        if self._rules is None:
            self.pending_rules()
            return
        for model_id, rule in self.pending_rules():
            self._rules.remember(model_id, rule)
        now = self._clock()
        if self._loaded_at_s is None or now - self._loaded_at_s >= RELOAD_S:
            self._loaded_at_s = now
            try:
                self._add(self._rules.load())
            except SlipstreamError:
                return  # what is not loaded is learnt again

    def _add(self, rules: Mapping[str, list[str]]) -> None:
        from slipstream.models.self_healing import is_rule

        with self._learning:
            # A new dict each time: readers on other threads see the old or the new one, never half of one.
            merged = dict(self._learnt)
            for model_id, learnt in rules.items():
                merged[model_id] = merged.get(model_id, _NOTHING) | {rule for rule in learnt if is_rule(rule)}
            self._learnt = merged
            self._plain = {}

    def _settle(self, model: Model, request: ChatRequest, rejected: frozenset[str]) -> Settled:
        use_case, asked = request.options.use_case, request.parameters
        choice = request.tool_choice
        forced = choice is not None and choice.kind in ("any", "tool")
        preset = PRESETS[use_case] if use_case else None
        if asked != _UNASKED:
            return settle(model, asked, preset, rejected, forced)
        key = f"{model.id}|{use_case}"
        settled = self._plain.get(key)
        if settled is None:
            settled = settle(model, asked, preset, rejected, forced)
            if len(self._plain) < 4096:
                self._plain[key] = settled
        return settled

    def _service(
        self, request: ChatRequest, model: Model, region: str, rejected: frozenset[str], notes: list[str]
    ) -> tuple[str | None, str | None]:
        latency, tier = request.options.latency, request.service_tier
        if latency == "optimized" and ("latency" in rejected or region not in model.latency_optimized):
            notes.append(f"latency 'optimized' left out: {model.name} does not have it in {region}")
            latency = None
        if tier == "auto":
            tier = None
        if tier is not None and ("service_tier" in rejected or (model.known and tier not in model.tiers)):
            notes.append(f"service_tier '{tier}' left out: {model.name} has {', '.join(model.tiers)}")
            tier = None
        return (latency if latency == "optimized" else None), tier

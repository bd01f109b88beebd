"""Every choice about a call: alias → model → preset → parameters, with the reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from time import time
from typing import Any

from slipstream.chat.request import ChatRequest, Parameters
from slipstream.errors import InvalidRequest, SlipstreamError
from slipstream.models.aliases import DEFAULT_ALIASES
from slipstream.models.cache_marks import without_own_points
from slipstream.models.calling import geography
from slipstream.models.catalogue import Catalogue, load
from slipstream.models.content import fit
from slipstream.models.identifiers import region_of
from slipstream.models.learnt_rules import LearntRules
from slipstream.models.model import Model
from slipstream.models.parameters import Settled, settle
from slipstream.models.ports import ParameterRuleStore, ProfileResolver
from slipstream.models.presets import PRESETS
from slipstream.models.resolved import ResolvedCall
from slipstream.models.targets import Target, Targets

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
        clock: Callable[[], float] = time,
    ) -> None:
        """``region`` is called where an ARN names no other, ``prices`` are the deploy settings' own (model id →
        Price's fields). ``clock`` gives Unix time (s).
        """
        self._targets = Targets(catalogue or load(), aliases, profiles, prices or {}, region)
        self._region = region
        self._rules = LearntRules(rules, clock)
        self._plain: dict[tuple[str, str | None, frozenset[str]], Settled] = {}

    def target(self, name: str) -> Target:
        """The model behind a name, for wires and permissions. Raises ModelNotFound."""
        return self._targets.find(name)

    def known_id(self, name: str) -> str | None:
        """The catalogue's id of a model that has just been looked for, or None: for figures of refused requests."""
        target = self._targets.at_hand(name)
        return target.model.id if target is not None and target.model.known else None

    def hint(self, name: str) -> str:
        """What to say besides when Bedrock does not know ``name``: the nearest names, where it is none of ours."""
        return "" if self._targets.find(name).model.known else self._targets.hint(name)

    def profile_hint(self, name: str) -> str:
        """What to say besides when Bedrock does not serve the bare id ``name``: the profile's id that it does serve."""
        model = self._targets.find(name).model
        found = geography(model.prefixes or ("us", "eu", "apac", "global"), self._region)
        return f"; call it as '{found}.{model.id}'"

    def resolve(self, request: ChatRequest) -> ResolvedCall:
        """Make every choice. Raises InvalidRequest (with ``param``), PromptTooLong or ModelNotFound.

        No I/O, except for an application inference profile's ARN the first time that it is seen.
        """
        target = self._targets.find(request.model)
        model = target.model
        if model.kind != "chat" and request.messages:  # without any, it is only asked what the model is
            raise InvalidRequest(f"{model.name} makes embeddings; send it to /v1/embeddings", param="model")
        rejected = self._rules.of(model.id)
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
            known=model.known,
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

    def heal(self, call: ResolvedCall, error: SlipstreamError) -> tuple[ResolvedCall, list[str]] | None:
        """The call again without what the model has just rejected, and the rules to ``learn`` once that has worked.

        None where the error says nothing of the kind. A forced tool choice is never dropped.
        """
        from slipstream.models.self_healing import heal  # its patterns are compiled only where a call was rejected

        return heal(call, error)

    def learn(self, model_id: str, rules: Iterable[str]) -> None:
        """Obey ``rules`` from the next call on, until they expire; they reach the store with ``settle``."""
        from slipstream.models.lasting_rules import RULE_LIFE_S

        self._rules.add(model_id, rules, RULE_LIFE_S)

    def pending_rules(self) -> list[tuple[str, str, float]]:
        """Rules that no store has yet, as (model id, rule, Unix time until which it is believed), handed out once."""
        return self._rules.pending()

    def settle(self) -> None:
        """Exchange rules with the store. To be run after the last byte: it does I/O, and never raises."""
        self._rules.exchange()

    def _settle(self, model: Model, request: ChatRequest, rejected: frozenset[str]) -> Settled:
        use_case, asked = request.options.use_case, request.parameters
        choice = request.tool_choice
        forced = choice is not None and choice.kind in ("any", "tool")
        preset = PRESETS[use_case] if use_case else None
        if asked != _UNASKED:
            return settle(model, asked, preset, rejected, forced)
        key = (model.id, use_case, rejected)
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
        if tier is not None and (f"service_tier={tier}" in rejected or (model.known and tier not in model.tiers)):
            has = ", ".join(one for one in model.tiers if one != tier) or "none"
            notes.append(f"service_tier '{tier}' left out: {model.name} has {has}")
            tier = None
        return (latency if latency == "optimized" else None), tier

"""From the name that a caller uses (alias, id, inference profile, ARN) to a model, worked out once a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from slipstream.errors import ModelNotFound, SlipstreamError
from slipstream.models.calling import callable_id
from slipstream.models.identifiers import MAX_LENGTH, Arn, parse_arn, provider_of, split_geography
from slipstream.models.model import Model
from slipstream.models.ports import ProfileResolver
from slipstream.models.resolved import Price

if TYPE_CHECKING:
    from slipstream.models.catalogue import Catalogue

KEPT = 1024
"""Names kept in memory; callers choose names, so there must be an end."""


class Target(msgspec.Struct, frozen=True):
    """What a name stands for. ``target_id`` is what Bedrock is called with."""

    model: Model
    target_id: str
    price: Price | None
    notes: tuple[str, ...] = ()


class Targets:
    """Names → targets; thread-safe because an entry is only ever added whole."""

    def __init__(
        self,
        catalogue: Catalogue,
        aliases: Mapping[str, str],
        profiles: ProfileResolver | None,
        prices: Mapping[str, Mapping[str, Any]],
        region: str = "us-east-1",
    ) -> None:
        """Raises ValueError for an alias of an alias and for a price that is none, each by its name."""
        for alias, name in aliases.items():
            if name in aliases:
                raise ValueError(f"alias '{alias}' names the alias '{name}'; name a model id or an ARN")
        self._catalogue = catalogue
        self._aliases = dict(aliases)
        self._profiles = profiles
        self._prices = {model_id: _own_price(model_id, given) for model_id, given in prices.items()}
        self._region = region
        self._known: dict[str, Target] = {}

    def find(self, name: str) -> Target:
        """The target of a name. Raises ModelNotFound with the nearest names, InvalidRequest for a foreign ARN."""
        target = self._known.get(name)
        if target is None:
            target, lasting = self._work_out(name)
            if lasting:
                if len(self._known) >= KEPT:
                    self._known.clear()
                self._known[name] = target
        return target

    def at_hand(self, name: str) -> Target | None:
        """What ``find`` found and keeps, without looking."""
        return self._known.get(name)

    def _work_out(self, name: str) -> tuple[Target, bool]:
        target_id = self._aliases.get(name, name)
        if target_id.startswith("arn:"):
            return self._of_arn(target_id)
        model = self._catalogue.find(target_id) if len(target_id) <= MAX_LENGTH else None
        if model is None:
            raise self._not_found(name)
        return self._target(model, target_id, target_id), True

    def _of_arn(self, text: str) -> tuple[Target, bool]:
        arn = parse_arn(text)
        if arn.names_its_model:
            model = self._catalogue.find(arn.name)
            if model is not None:
                return self._target(model, text, arn.name), True
        if arn.kind.endswith("inference-profile") and self._profiles is not None:
            try:
                model_id = self._profiles.model_of(text)
            except ModelNotFound:
                raise
            except SlipstreamError:
                # A look-up that fails for now must not stop the call: Bedrock itself can still resolve the profile.
                return self._guessed(arn, text, "could not be looked up just now"), False
            model = self._catalogue.find(model_id)
            if model is not None:
                return self._target(model, text, model_id), True
        return self._guessed(arn, text, "is not known to stand for a listed model"), True

    def _guessed(self, arn: Arn, text: str, why: str) -> Target:
        _, bare = split_geography(arn.name)
        provider = provider_of(bare) or "others"
        bare_id = bare if provider_of(bare) else f"{arn.kind}.{arn.name.replace('/', '.')}"
        model = self._catalogue.cautious(bare_id, provider)
        return Target(model, text, None, (f"{arn.kind} {why}: cautious defaults, no price",))

    def _target(self, model: Model, target_id: str, priced_as: str) -> Target:
        notes = () if model.known else (f"{model.id} is not in the catalogue: cautious defaults, no price",)
        return Target(model, target_id, self._price(model, priced_as), notes)

    def _price(self, model: Model, priced_as: str) -> Price | None:
        own = self._prices.get(priced_as) or self._prices.get(model.id)
        if own is not None or model.price is None:
            return own
        geography, _ = split_geography(priced_as)
        if geography == "global" or model.regional_factor == 1.0:
            return model.price
        return _times(model.price, model.regional_factor)

    def hint(self, name: str) -> str:
        """The names nearest to ``name`` that can be called, as the end of a sentence; empty where there are none."""
        near = [self._as_called(other) for other in self._catalogue.nearest(name, tuple(self._aliases))]
        return f"; did you mean {' or '.join(near)}?" if near else ""

    def _as_called(self, name: str) -> str:
        model = self._catalogue.find(name)
        return name if model is None else callable_id(model, self._region)

    def _not_found(self, name: str) -> ModelNotFound:
        hint = self.hint(name)
        shown = name if len(name) <= 100 else name[:100] + "…"
        return ModelNotFound(
            f"no model or alias '{shown}'{hint} (aliases: {', '.join(sorted(self._aliases)) or 'none'}; "
            "`slipstream models` lists the rest)",
            param="model",
        )


def _times(price: Price, factor: float) -> Price:
    def scaled(value: float | None) -> float | None:
        return None if value is None else round(value * factor, 6)

    return msgspec.structs.replace(
        price,
        input=round(price.input * factor, 6),
        output=round(price.output * factor, 6),
        cache_read=scaled(price.cache_read),
        cache_write=scaled(price.cache_write),
        cache_write_1h=scaled(price.cache_write_1h),
    )


def _own_price(model_id: str, given: Mapping[str, Any]) -> Price:
    try:
        price = msgspec.convert({"source": "deploy settings", "verified": True, **given}, Price)
    except msgspec.ValidationError as error:
        raise ValueError(
            f'price of {model_id}: {error}; expected {{"input": 3.0, "output": 15.0, "cache_read": 0.3, '
            '"cache_write": 3.75}} in dollars per million tokens'
        ) from error
    return price

"""Models as data: one JSON file per provider in this folder, read when a model of that provider is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from slipstream.models.identifiers import MAX_LENGTH, provider_of, split_geography
from slipstream.models.model import Capabilities, Model, Range, Reasoning, Rules
from slipstream.models.resolved import Endpoint, Price, PromptCache

FAMILIES = ("amazon", "anthropic", "cohere", "deepseek", "meta", "mistral", "openai", "qwen")
"""Reviewed files, named for the provider in their models' ids."""
UNREVIEWED = "others"
"""The file that only names providers whose models nobody has reviewed here."""


class Family:
    """One provider's models, by every id that means one of them."""

    def __init__(self, raw: bytes) -> None:
        """Take a file's bytes. Raises TypeError that names a field which no record has."""
        family: dict[str, Any] = msgspec.json.decode(raw)
        self.providers: list[str] = family["providers"]
        self._unknown: dict[str, Any] = family["unknown"]
        self.models: list[Model] = []
        self._exact: dict[str, Model] = {}
        self._starts: list[tuple[str, Model]] = []
        shared = {"provider": self.providers[0], **family.get("shared", {})}
        for entry in family.get("models", []):
            if "price" in entry:
                entry["price"] = {**family["prices"], **entry["price"]}
            self._add(_record(_laid_over(shared, entry)))
        self._starts.sort(key=lambda pair: -len(pair[0]))

    def _add(self, model: Model) -> None:
        self.models.append(model)
        self._exact[model.id] = model
        for name in model.ids:
            if name.endswith("*"):
                self._starts.append((name[:-1], model))
            else:
                self._exact[name] = model

    def find(self, bare_id: str, provider: str) -> Model:
        """The model behind an id without geographic prefix, or what is assumed of one that nobody has reviewed."""
        model = self._exact.get(bare_id)
        if model is not None:
            return model
        for start, candidate in self._starts:
            if bare_id.startswith(start):
                return candidate
        return self.assumed(bare_id, provider)

    def assumed(self, bare_id: str, provider: str) -> Model:
        """A cautious record for an id of this provider's form."""
        facts = {**self._unknown, "id": bare_id, "name": bare_id, "provider": provider, "known": False}
        return _record(facts)


class Catalogue:
    """Every known model, and cautious answers for ids that only look right. Safe to share between threads."""

    def __init__(self, read: Callable[[str], bytes]) -> None:
        """``read`` gives a family file's bytes by its name."""
        self._read = read
        self._families: dict[str, Family] = {}

    def find(self, model_id: str) -> Model | None:
        """The model behind an id (with or without geographic prefix), an assumed one, or None for a foreign name.

        An assumed model has ``known=False``: the id has a known provider's form, so Bedrock decides whether it exists.
        """
        _, bare = split_geography(model_id)
        provider = provider_of(bare)
        if provider is None:
            return None
        family = self._family(provider if provider in FAMILIES else UNREVIEWED)
        return family.find(bare, provider) if provider in family.providers else None

    def cautious(self, bare_id: str, provider: str) -> Model:
        """What is assumed of something callable that no record describes (a provisioned model, a router)."""
        return self._family(provider if provider in FAMILIES else UNREVIEWED).assumed(bare_id, provider)

    def list(self) -> list[Model]:
        """All reviewed models, by family and then as the files have them."""
        return [model for name in FAMILIES for model in self._family(name).models]

    def nearest(self, name: str, also: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Up to three known ids (or names in ``also``) that look most like ``name``, best first."""
        from difflib import get_close_matches

        _, bare = split_geography(name[:MAX_LENGTH].lower())
        known = {model.id: model.id for model in self.list()}
        known |= {model.name.lower(): model.id for model in self.list()}
        known |= {model.id.partition(".")[2]: model.id for model in self.list()} | {alias: alias for alias in also}
        found = get_close_matches(bare, list(known), n=6, cutoff=0.5)
        return tuple(dict.fromkeys(known[match] for match in found))[:3]

    def _family(self, name: str) -> Family:
        family = self._families.get(name)
        if family is None:
            # Two threads may both read the file at first; either result is the same.
            family = self._families[name] = Family(self._read(name))
        return family


_PARTS: dict[str, Callable[..., Any]] = {
    "capabilities": Capabilities,
    "reasoning": Reasoning,
    "cache": PromptCache,
    "endpoint": Endpoint,
    "price": Price,
}
_RANGES = ("temperature", "top_p", "top_k")


def _record(facts: dict[str, Any]) -> Model:
    """A model's facts as a record. Types are checked by the tests, not here: that would cost a cold start 3 ms."""
    fields = _tuples(facts)
    for name, part in _PARTS.items():
        if fields.get(name) is not None:
            fields[name] = part(**_tuples(fields[name]))
    if "rules" in fields:
        rules = dict(fields["rules"])
        rules.update({name: Range(*rules[name]) for name in _RANGES if rules.get(name) is not None})
        fields["rules"] = Rules(**rules)
    return Model(**fields)


def _tuples(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if type(value) is list else value for key, value in facts.items()}


def _laid_over(shared: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """A model's own facts over its family's; objects are merged one level deep."""
    out = {**shared, **own}
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(shared.get(key), dict):
            out[key] = {**shared[key], **value}
    return out


def _read_shipped(name: str) -> bytes:
    # The module's own loader reads the file: works in any bundle and spares importing pathlib on a cold start.
    loader: Any = __spec__.loader
    data: bytes = loader.get_data(f"{__path__[0]}/{name}.json")
    return data


_shipped = Catalogue(_read_shipped)


def load() -> Catalogue:
    """The catalogue that ships; a family is read when it is first asked for, and shared from then on."""
    return _shipped

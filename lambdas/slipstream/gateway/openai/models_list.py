"""``GET /v1/models`` and ``GET /v1/models/{id}``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from slipstream.errors import ModelNotFound
from slipstream.gateway.allowed import may_use
from slipstream.models.calling import Called, callable_id
from slipstream.models.identifiers import split_geography

ALIAS_OWNER = "slipstream"
UNKNOWN = 0
"""OpenAI wants a date here, which Bedrock does not tell."""


class ListedModel(Called, Protocol):
    """What a catalogue says of a model, as far as this wire shows it."""

    @property
    def provider(self) -> str:
        """Who made it."""
        ...

    @property
    def known(self) -> bool:
        """Whether the catalogue has a reviewed record of it."""
        ...


class ModelList(Protocol):
    """A catalogue of models."""

    def list(self) -> Iterable[ListedModel]:
        """All models, in the order to show."""
        ...

    def find(self, model_id: str) -> ListedModel | None:
        """The model behind an id, with or without geographic prefix; one that is only assumed has ``known=False``."""
        ...

    def nearest(self, name: str, also: tuple[str, ...] = ()) -> Iterable[str]:
        """Names like ``name``, of models or in ``also``, the likeliest first."""
        ...


def encode(catalogue: ModelList, aliases: Mapping[str, str], region: str, allowed: Sequence[str] = ()) -> bytes:
    """What may stand in ``model``: aliases first (name → model id), then the ids that can be called from ``region``.

    Of a key that is limited to ``allowed`` models (globs), what it may use.
    """
    entries = _entries(catalogue, aliases, region)
    for name in allowed:  # a profile of another geography, say
        if name not in entries and (model := catalogue.find(name)) is not None and model.known:
            entries[name] = _entry_of(model, name)
    data = [entry for name, entry in entries.items() if may_use(allowed, _names(entry))]
    return msgspec.json.encode({"object": "list", "data": data})


def encode_one(catalogue: ModelList, aliases: Mapping[str, str], region: str, name: str) -> bytes:
    """One entry, of an inference profile (``us.…``) too. Raises ModelNotFound with the nearest names."""
    entry = _entries(catalogue, aliases, region).get(name)
    if entry is None and (model := catalogue.find(name)) is not None and model.known:
        entry = _entry_of(model, name)
    if entry is None:
        models = ((other, catalogue.find(other)) for other in catalogue.nearest(name, tuple(aliases)))
        near = ", ".join(f"'{other if model is None else callable_id(model, region)}'" for other, model in models)
        raise ModelNotFound(
            f"There is no model '{name[:200]}'." + (f" Did you mean {near}?" if near else " See GET /v1/models."),
            param="model",
        )
    return msgspec.json.encode(entry)


def _names(entry: Mapping[str, Any]) -> Iterator[str]:
    """What a key may call it by: its own name, what it stands for, and that without geographic prefix."""
    yield entry["id"]
    for name in entry.get("slipstream", {}).values():
        yield name
        yield split_geography(name)[1]


def _entries(catalogue: ModelList, aliases: Mapping[str, str], region: str) -> dict[str, dict[str, Any]]:
    entries = {name: _entry(name, ALIAS_OWNER, alias_of=target) for name, target in aliases.items()}
    for model in catalogue.list():
        name = callable_id(model, region)
        entries[name] = _entry_of(model, name)
    return entries


def _entry_of(model: ListedModel, name: str) -> dict[str, Any]:
    return _entry(name, model.provider, **({} if name == model.id else {"profile_of": model.id}))


def _entry(name: str, owner: str, **more: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": name, "object": "model", "created": UNKNOWN, "owned_by": owner}
    return {**entry, "slipstream": more} if more else entry

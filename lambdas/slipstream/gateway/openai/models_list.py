"""``GET /v1/models`` and ``GET /v1/models/{id}``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from slipstream.errors import ModelNotFound

ALIAS_OWNER = "slipstream"
UNKNOWN = 0
"""OpenAI wants a date here, which Bedrock does not tell."""


class ListedModel(Protocol):
    """What a catalogue says of a model, as far as this wire shows it."""

    @property
    def id(self) -> str:
        """Model id."""
        ...

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

    def nearest(self, name: str) -> Iterable[str]:
        """Names like ``name``, the likeliest first."""
        ...


def encode(catalogue: ModelList, aliases: Mapping[str, str]) -> bytes:
    """All that may stand in ``model``: aliases first (name → model id), then the catalogue's ids."""
    return msgspec.json.encode({"object": "list", "data": list(_entries(catalogue, aliases).values())})


def encode_one(catalogue: ModelList, aliases: Mapping[str, str], name: str) -> bytes:
    """One entry, of an inference profile (``us.…``) too. Raises ModelNotFound with the nearest names."""
    entry = _entries(catalogue, aliases).get(name)
    if entry is None and (model := catalogue.find(name)) is not None and model.known:
        entry = _entry(name, model.provider, profile_of=model.id)
    if entry is None:
        near = ", ".join(f"'{other}'" for other in catalogue.nearest(name))
        raise ModelNotFound(
            f"There is no model '{name[:200]}'." + (f" Did you mean {near}?" if near else " See GET /v1/models."),
            param="model",
        )
    return msgspec.json.encode(entry)


def _entries(catalogue: ModelList, aliases: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    entries = {name: _entry(name, ALIAS_OWNER, alias_of=target) for name, target in aliases.items()}
    for model in catalogue.list():
        entries[model.id] = _entry(model.id, model.provider)
    return entries


def _entry(name: str, owner: str, **more: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": name, "object": "model", "created": UNKNOWN, "owned_by": owner}
    return {**entry, "slipstream": more} if more else entry

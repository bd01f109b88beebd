"""Under which id a model can be called from a region: its own, or that of an inference profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

_NEAR = (
    ("us-gov-", ("us-gov",)), ("us-", ("us",)), ("ca-", ("ca", "us")), ("eu-", ("eu",)),
    ("ap-northeast-1", ("jp", "apac")), ("ap-northeast-3", ("jp", "apac")),
    ("ap-southeast-2", ("au", "apac")), ("ap-southeast-4", ("au", "apac")), ("ap-", ("apac",)),
)  # fmt: skip
"""How a region's name begins → the geographies whose profiles can be called from it, the nearest first."""


class Called(Protocol):
    """A model, as far as its id goes."""

    @property
    def id(self) -> str:
        """Without geographic prefix."""
        ...

    @property
    def on_demand(self) -> bool:
        """Whether the bare id can be called."""
        ...

    @property
    def prefixes(self) -> Sequence[str]:
        """Geographies that have a profile of it."""
        ...


def callable_id(model: Called, region: str) -> str:
    """The id to call ``model`` with from ``region``; a profile of another geography only where there is none nearer."""
    if model.on_demand or not model.prefixes:
        return model.id
    return f"{geography(model.prefixes, region)}.{model.id}"


def geography(prefixes: Sequence[str], region: str) -> str:
    """The one of ``prefixes`` (at least one) that is nearest to ``region``."""
    near = next((names for start, names in _NEAR if region.startswith(start)), ())
    return next((name for name in (*near, "global") if name in prefixes), prefixes[0])

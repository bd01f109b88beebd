"""How a caller wants an index searched: ``slipstream.retrieval`` of a chat body, and the fields of ``/v1/search``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Scalar = str | float | bool
Weight = Annotated[float, Meta(ge=0, le=100)]


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Only documents whose ``field`` fits. Applied inside both legs, before they choose their top 20.

    ``field`` is an attribute's name, or ``id``, ``language``, ``source``, ``updated_at_s``, ``popularity``.
    """

    field: str
    any_of: tuple[Scalar, ...] = ()
    """One of these values; empty: ``at_least``/``at_most`` say what fits."""
    at_least: float | None = None
    at_most: float | None = None
    exclude: bool = False


class Boosts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weights in the lexical leg. ``text`` is a passage with its title and headings, as one field; ``title`` and
    ``heading`` count them once more by themselves; ``document`` is the document's title and whole text. 0: not asked.
    """

    title: Weight = 0.0
    heading: Weight = 0.0
    text: Weight = 1.0
    document: Weight = 1.0


class RetrievalOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that may differ from question to question; None: the index's own way.

    Ranges hold where a body is decoded.
    """

    passages: Annotated[int, Meta(ge=1, le=20)] | None = None
    """How many passages to give back, 1 to 20; 5 where nothing is said."""
    filters: tuple[Filter, ...] = ()
    boosts: Boosts | None = None
    rerank: Literal["local", "bedrock", "off"] | None = None
    rerank_margin: Annotated[float, Meta(ge=0, le=1000)] | None = None
    """Log odds by which the fused order's first has to lead for the re-ranker not to be asked; 1000: always asked."""
    pinned: tuple[str, ...] = ()
    """Documents that come first where a leg finds them."""
    excluded: tuple[str, ...] = ()
    """Documents that never come."""
    recency_half_life_days: Annotated[float, Meta(ge=0.01, le=36_500)] | None = None
    """A document this old counts half as much as a new one; None: age does not count."""
    popularity_weight: Annotated[float, Meta(ge=0, le=1)] | None = None
    """How much popularity counts, 0 to 1; None: not at all."""
    off: tuple[Literal["followup", "rewrite", "frame", "phrases", "identifiers", "expansions", "language"], ...] = ()
    """Steps of query preprocessing that are left out; ``rewrite`` leaves a follow-up question to the rule alone."""
    leg_timeout_ms: Annotated[int, Meta(ge=1, le=60_000)] | None = None
    """What one leg may take before it is left out; None: what the deployment allows."""


DEFAULTS = RetrievalOptions()

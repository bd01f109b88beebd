"""What comes out of a search: passages in their final order, each with what every stage thought of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from slipstream.retrieval.question.prepare import Prepared
from slipstream.retrieval.question.rewrite import Rewritten
from slipstream.retrieval.search import Hit


class Ranked(msgspec.Struct, frozen=True):
    """One passage. ``score`` is the final one, higher is better, comparable within one answer only.

    ``stages`` has what led to it: ``bm25``, ``document_bm25``, ``cosine``, ``lexical_rank``, ``dense_rank`` (from 1),
    ``fused``, ``reranked``; a stage that did not see the passage is missing.
    """

    hit: Hit
    score: float
    stages: dict[str, float] = {}


class SecondLook(msgspec.Struct, frozen=True):
    """Whether the re-ranker decided. ``lead``: log odds between the fused order's first two documents.

    ``done``; ``off``: as the request wished; ``few``: nothing to decide; ``sure``: the lead was at least ``margin``;
    ``late``: the fused order stands.
    """

    outcome: Literal["done", "off", "few", "sure", "late"]
    lead: float | None = None
    margin: float | None = None


class Ranking(msgspec.Struct, frozen=True):
    """The passages asked for, best first."""

    passages: tuple[Ranked, ...]
    second_look: SecondLook


class Found(msgspec.Struct, frozen=True):
    """The answer to one question. ``missing`` names legs and stages that were late or down, ``notes`` say why where
    it is known, without the question's words.
    """

    index: str
    generation: str
    question: Prepared
    passages: tuple[Ranked, ...]
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    second_look: SecondLook | None = None
    rewritten: Rewritten | None = None
    """What a model made of a question that leans on others; None: none was asked."""
    vector: tuple[float, ...] = ()
    """Of the question, by the generation's own model; of any length. Empty: the dense leg was not asked."""

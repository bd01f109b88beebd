"""What is kept of questions that were asked: counts a day, by family, and each family's request without its question.

A *family* is a request as everyone of it is asked, but for the question: model, parameters, system, tools, options.
``aws`` implements the store, ``fakes`` doubles it. Times are Unix seconds, periods are days (UTC) as ``2026-11-26``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

MOST_USERS = 64
"""Hashed users that a count remembers; beyond, their number is estimated."""
MOST_FAMILIES = 1000
"""What is read of families: a deployment with more has no questions that come again."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """One request that was sampled. ``user`` is a hash; ``weight`` is how many requests it stands for."""

    namespace: str
    family: str
    period: str
    question: str
    user: str
    weight: float = 1.0


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How often one spelling was asked in one period. ``users`` are hashes, ``MOST_USERS`` at most."""

    period: str
    question: str
    impressions: float
    users: frozenset[str]
    beyond: float = 0.0
    """Impressions that came when ``users`` was full."""

    @property
    def visits(self) -> float:
        """How many users: as many as are remembered, or as many more as the impressions grew since."""
        within = self.impressions - self.beyond
        return len(self.users) * (self.impressions / within if within > 0 else 1.0)


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """A request without its question: ``template`` as ``slipstream.caching.filling.template`` writes it."""

    namespace: str
    family: str
    template: bytes


class AskedStore(Protocol):
    """Every method raises a SlipstreamError where the store fails. What is kept goes at ``until_s``."""

    def salt(self, epoch: str, fresh: bytes, *, until_s: float) -> bytes:
        """What users are hashed with in ``epoch``: ``fresh``, unless somebody has put another before."""
        ...

    def count(self, sighting: Sighting, *, until_s: float) -> None:
        """Add to the count of a question in a period."""
        ...

    def describe(self, family: Family, *, until_s: float) -> None:
        """Keep a family's template, for longer where it is there already."""
        ...

    def families(self) -> Sequence[Family]:
        """All of them, ``MOST_FAMILIES`` at most."""
        ...

    def family(self, namespace: str, family: str) -> Family | None:
        """One of them; None: it is not there any more."""
        ...

    def counts(self, namespace: str, family: str, *, since: str) -> Iterator[Count]:
        """A family's counts from the period ``since`` on, in the order of periods."""
        ...

    def forget(self, namespace: str) -> int:
        """Remove a namespace's counts and templates; how many counts there were."""
        ...

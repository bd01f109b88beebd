"""Which of the measured specs are worth having, and which one to take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from slipstream.retrieval.ports import IndexSpec
from slipstream.retrieval.tuning.candidates import label
from slipstream.retrieval.tuning.footprint import Fleet

RECALL_TARGET = 0.95


class Measured(msgspec.Struct, frozen=True):
    """A spec with its figures. ``recall``: share of the exact top 10 that is found; ``recall_low``: its lower bound.

    ``measured`` ``engine``: recall and times are of searches in the engine. ``in process``: recall is of faiss inside
    this process, and times are the engine's with the difference that the graphs make here, which is an estimate.
    """

    spec: IndexSpec
    recall: float
    recall_low: float
    p50_ms: float
    p95_ms: float
    measured: Literal["engine", "in process"]
    memory_bytes: float
    fleet: Fleet


class Targets(msgspec.Struct, frozen=True):
    """What has to be reached; ``p95_ms`` None: any time will do."""

    recall: float = RECALL_TARGET
    p95_ms: float | None = None

    def missed(self, row: Measured) -> list[str]:
        """In words, what ``row`` does not reach; empty: all is well."""
        out = []
        if row.recall < self.recall:
            out.append(f"recall {row.recall:.3f} is below {self.recall:g}")
        if self.p95_ms is not None and row.p95_ms > self.p95_ms:
            out.append(f"p95 {row.p95_ms:.1f} ms is above {self.p95_ms:g} ms")
        return out


class Recommendation(msgspec.Struct, frozen=True):
    """The row to take, and why. ``meets``: whether it reaches every target."""

    row: Measured
    meets: bool
    why: str


def pareto(rows: Sequence[Measured]) -> list[Measured]:
    """Rows that no other beats in recall, p95, memory and cost together."""
    return [row for row in rows if not any(_beats(other, row) for other in rows)]


def recommend(rows: Sequence[Measured], targets: Targets, current: IndexSpec) -> Recommendation:
    """The cheapest that reaches the targets; of equal cost what is there already, then the least memory.

    Where nothing reaches them: the nearest, by recall first. ``rows`` must not be empty.
    """
    good = [row for row in rows if not targets.missed(row)]
    if not good:
        nearest = max(rows, key=lambda row: (min(row.recall, targets.recall), -row.p95_ms))
        missed = " and ".join(targets.missed(nearest))
        why = f"Nothing that was tried reaches the targets. {label(nearest.spec)} comes nearest: {missed}."
        return Recommendation(nearest, meets=False, why=why)
    best = min(good, key=lambda row: (row.fleet.monthly_usd, row.spec != current, row.memory_bytes, row.p95_ms))
    return Recommendation(best, meets=True, why=" ".join(_reasons(best, rows, targets, current)))


def _reasons(best: Measured, rows: Sequence[Measured], targets: Targets, current: IndexSpec) -> list[str]:
    dollars = f"${best.fleet.monthly_usd:,.2f} a month ({best.fleet.count} × {best.fleet.node})"
    limit = f" and p95 {best.p95_ms:.1f} ms of {targets.p95_ms:g}" if targets.p95_ms is not None else ""
    out = [
        f"{label(best.spec)} is the cheapest that reaches recall {targets.recall:g}: "
        f"{best.recall:.3f}{limit}, {best.memory_bytes / 2**20:,.0f} MiB, {dollars}."
    ]
    cheaper = [row for row in rows if row.fleet.monthly_usd < best.fleet.monthly_usd]
    if cheaper:
        next_one = max(cheaper, key=lambda row: (row.recall, -row.p95_ms))
        out.append(f"Cheaper is {label(next_one.spec)}, but {' and '.join(targets.missed(next_one))}.")
    now = next((row for row in rows if row.spec == current), None)
    if best.spec == current:
        out.append("It is what the index has: there is nothing to change.")
        if any(row.memory_bytes < best.memory_bytes and not targets.missed(row) for row in rows):
            out.append("Others need less memory, but at this size no smaller node is to be had for it.")
    elif now is not None:
        missed = targets.missed(now)
        saved = now.fleet.monthly_usd - best.fleet.monthly_usd
        reason = f"misses a target ({' and '.join(missed)})" if missed else f"costs ${saved:,.2f} more"
        out.append(f"What the index has ({label(now.spec)}, recall {now.recall:.3f}) {reason}.")
    if best.measured == "in process":
        out.append(
            "Its recall was measured in this process and its time estimated: try it on the domain before relying on it."
        )
    return out


def _beats(other: Measured, row: Measured) -> bool:
    theirs, ours = _figures(other), _figures(row)
    return theirs != ours and all(a <= b for a, b in zip(theirs, ours, strict=True))


def _figures(row: Measured) -> tuple[float, float, float, float]:
    """Less is better."""
    return (-row.recall, row.p95_ms, row.memory_bytes, row.fleet.monthly_usd)

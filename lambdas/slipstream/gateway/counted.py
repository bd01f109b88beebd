"""What one answer leaves for the counts of the cache's worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipstream.caching.tally import Counted

if TYPE_CHECKING:
    from slipstream.gateway.pipeline import Answer


def counted(answer: Answer) -> Counted | None:
    """None of one that was not for the cache. An answer that was served saves what it once took, less what it took."""
    search = answer.search
    if search is None:
        return None
    hit = search.hit
    told = search.counted()
    saved_usd = answer.cost.saved_usd if search.served else None
    return Counted(
        namespace=search.place.namespace,
        outcome=search.outcome,
        kind=hit.kind if hit is not None else "",
        saved_usd=saved_usd or 0.0,
        saved_ms=max(0.0, hit.answered.total_ms - answer.waterfall.now_ms()) if hit is not None else 0.0,
        key=hit.answer if hit is not None else "",
        family=search.family if hit is not None or told.get("retried") else "",
        **told,
    )

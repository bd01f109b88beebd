"""What the routes below /v1/indexes answer with."""

from __future__ import annotations

from typing import Any

import msgspec

from slipstream.errors import SlipstreamError, UpstreamError, UpstreamUnavailable
from slipstream.retrieval.ingest_report import Failure, Report
from slipstream.retrieval.parameters import shipped
from slipstream.retrieval.ports import Generation
from slipstream.retrieval.reindex import Step


def shown(name: str, generations: list[Generation]) -> dict[str, Any]:
    """An index as callers see it."""
    live = live_of(generations)
    return {
        "object": "index",
        "name": name,
        "documents": live.documents,
        "spec": msgspec.to_builtins(live.spec),
        "generations": [{"name": g.name, "documents": g.documents, "live": g.live} for g in generations],
        "acronyms": len(live.kept.learnt),
        "synonyms": len(live.kept.synonyms),
        "fitted": live.kept.ranking is not None,
    }


def live_of(generations: list[Generation]) -> Generation:
    """The generation that searches see."""
    return next((generation for generation in generations if generation.live), generations[0])


def ranking(name: str, generations: list[Generation]) -> dict[str, Any]:
    """The parameters that an index is ranked by, and whether they were fitted to it."""
    fitted = live_of(generations).kept.ranking
    parameters = msgspec.to_builtins(shipped()) if fitted is None else fitted
    return {"object": "ranking", "index": name, "fitted": fitted is not None, "parameters": parameters}


def synonyms(name: str, generations: list[Generation]) -> dict[str, Any]:
    """What an index knows of its words: its owner's rules, and what its documents explain."""
    kept = live_of(generations).kept
    acronyms = {short: meaning.long for short, meaning in sorted(kept.learnt.items())}
    return {"object": "synonyms", "index": name, "rules": list(kept.synonyms), "acronyms": acronyms}


def told(report: Report) -> dict[str, Any]:
    """A report as callers see it."""
    return {"object": "ingestion", **msgspec.to_builtins(report), "passages_per_s": round(report.passages_per_s, 2)}


def step(step: Step) -> dict[str, Any]:
    """How far a re-index has come, as callers see it."""
    return {"object": "reindex", **msgspec.to_builtins(step)}


def stopped(report: Report, why: Failure) -> SlipstreamError:
    """What ended the load; the documents that it had written are in the index."""
    done = report.added + report.changed
    message = f"{why.reason}; {done} documents of this call are in the index: send the same again to go on"
    if why.retryable:
        return UpstreamUnavailable(message, code=why.code)
    return UpstreamError(message, code=why.code, http_status=424, retryable=False)

"""What a reply says of itself: the ``slipstream`` object for the caller, figures for the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slipstream.chat.events import Usage
from slipstream.models.cost import Cost
from slipstream.models.resolved import ResolvedCall
from slipstream.telemetry.waterfall import Waterfall

if TYPE_CHECKING:
    from slipstream.caching.search import Search
    from slipstream.gateway.pipeline import Answer
    from slipstream.retrieval.question.rewrite import Rewritten
    from slipstream.retrieval.ranking import Found


def report(answer: Answer) -> dict[str, Any]:
    """Model, what was sent, tokens, dollars and the waterfall in ms; keys without a value are left out."""
    call, usage, facts = answer.call, answer.usage, answer.waterfall.facts
    out: dict[str, Any] = {"model": call.model_id, "target": call.target_id, "region": facts.get("region")}
    if call.sent:
        out["sent"] = call.sent
    if use_case := call.request.options.use_case:
        out["use_case"] = use_case
    if usage is not None:
        out["tokens"] = {
            "input": total_input(usage),
            "cached": usage.cache_read_tokens,
            "cache_written": usage.cache_write_tokens,
            "output": usage.output_tokens,
        }
        if usage.latency or call.latency:
            out["latency"] = usage.latency or "standard"
        if usage.service_tier or call.service_tier:
            out["service_tier"] = usage.service_tier or "default"
    cost = answer.cost
    if cost.usd is not None and cost.saved_usd is not None:
        out["cost_usd"], out["saved_usd"] = round(cost.usd, 9), round(cost.saved_usd, 9)
    if call.cache_points:
        out["cache_points"] = [
            f"{mark.after}:{mark.index}" if mark.index >= 0 else mark.after for mark in call.cache_points
        ]
    if notes := [*call.request.notes, *call.notes]:
        out["notes"] = notes
    if answer.search is not None:
        out["cache"] = answer.search.report() | _to_report_on(answer.search)
    if answer.grounding is not None:
        out["rag"] = answer.grounding.report()
    if "ttft_ms" in facts:
        out["ttft_ms"] = round(facts["ttft_ms"], 3)
    out["total_ms"] = round(answer.waterfall.now_ms(), 3)
    out["spans_ms"] = answer.waterfall.ms()
    return out


def _to_report_on(search: Search) -> dict[str, str]:
    """The id by which a reader can say what a kept answer was worth."""
    if search.hit is None:
        return {}
    from slipstream.gateway.feedback_id import FeedbackId, encode

    hit = search.hit
    return {
        "feedback": encode(
            FeedbackId(asked=search.place.key, answer=hit.answer, entry=hit.head.entry_id, family=search.family)
        )
    }


def total_input(usage: Usage) -> int:
    """Tokens of the whole prompt, cached ones included."""
    return usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens


MAY_BE_MISSING = ("lexical", "dense", "rerank")
"""Of a search: its legs, and the re-ranker's second look."""


def searched(found: Found | None) -> dict[str, float]:
    """Metrics of a search: what of it was missing, and what a rewritten question cost; none where none was made."""
    if found is None:
        return {}
    return {f"missing_{part}": float(part in found.missing) for part in MAY_BE_MISSING} | _rewriting(found.rewritten)


def _rewriting(rewritten: Rewritten | None) -> dict[str, float]:
    if rewritten is None:
        return {}
    metrics = {"rewrites": 1.0, "rewrites_in_vain": float(rewritten.outcome != "ok")}
    if (usage := rewritten.usage) is not None:
        metrics |= {"rewrite_input_tokens": total_input(usage), "rewrite_output_tokens": usage.output_tokens}
    if rewritten.cost.usd is not None:
        metrics["rewrite_cost_usd"] = rewritten.cost.usd
    return metrics


Figures = tuple[dict[str, float], dict[str, str], dict[str, Any]]
"""Metrics, dimensions and properties, as a MetricsSink takes them."""
UNKNOWN_MODEL = "unknown"
"""Dimension of requests that never came to a model of the catalogue: a caller's own text there would make a metric."""


def figures(call: ResolvedCall, waterfall: Waterfall, usage: Usage | None, cost: Cost, outcome: str) -> Figures:
    """What an answer leaves for a MetricsSink; names carry their units."""
    metrics, dimensions, properties = refused(call.model_id, call.request.tenant, waterfall, outcome)
    if "ttft_ms" in waterfall.facts:
        metrics["ttft_ms"] = round(waterfall.facts["ttft_ms"], 3)
    if usage is not None:
        metrics["input_tokens"] = usage.input_tokens
        metrics["output_tokens"] = usage.output_tokens
        metrics["cache_read_tokens"] = usage.cache_read_tokens
        metrics["cache_write_tokens"] = usage.cache_write_tokens
    if cost.usd is not None and cost.saved_usd is not None:
        metrics["cost_usd"], metrics["saved_usd"] = cost.usd, cost.saved_usd
    return metrics, dimensions, properties


def refused(model_id: str, tenant: str, waterfall: Waterfall, outcome: str) -> Figures:
    """What a request leaves that was turned down before any call: the outcome, and where the time went."""
    metrics: dict[str, float] = {"requests": 1.0, "errors": 0.0 if outcome == "ok" else 1.0}
    metrics |= {f"span_{name}_ms": ms for name, ms in waterfall.ms().items()}
    metrics["total_ms"] = round(waterfall.now_ms(), 3)
    facts = waterfall.facts
    properties = {
        "outcome": outcome,
        "tenant": tenant,
        "request_id": facts.get("request_id", ""),
        "region": facts.get("region", ""),
    }
    return metrics, {"model": model_id}, properties

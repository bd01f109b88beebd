"""How hard a model shall think: one ``reasoning_effort`` for all, told to each family in its own field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipstream.errors import InvalidRequest

if TYPE_CHECKING:
    from slipstream.chat.request import Parameters
    from slipstream.models.model import Model, Reasoning
    from slipstream.models.parameters import Settled

LADDER = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Every effort that a wire may ask for, from none to most."""
BUDGETS = {"low": 2048, "medium": 8192, "high": 24576}
"""Claude's thinking budget in tokens. The API's least is 1,024; more than 32,000 needs batch processing."""
LEAST_BUDGET = 1024


def choose_effort(out: Settled, model: Model, asked: Parameters, rejected: frozenset[str], forced_tool: bool) -> None:
    """Put the effort into ``out``, or a note that says why not. Raises InvalidRequest on unknown efforts."""
    wanted = asked.reasoning_effort or ""
    if wanted not in LADDER:
        raise InvalidRequest(
            f"reasoning_effort '{wanted[:40]}' is unknown; one of {', '.join(LADDER)}", param="reasoning_effort"
        )
    reasoning = model.reasoning
    if reasoning is None or not reasoning.efforts:
        if wanted != "none" or (reasoning is not None and reasoning.on_by_default):
            out.notes.append(f"reasoning_effort left out: {model.name} does not take one")
        return
    if wanted == "none" and "none" not in reasoning.efforts:
        if reasoning.on_by_default:
            out.notes.append(f"reasoning_effort 'none' left out: {model.name} has no such effort")
        return
    effort = _nearest(wanted, reasoning)
    if effort != wanted:
        out.notes.append(f"reasoning_effort '{effort}' sent instead of '{wanted}', which {model.name} does not know")
    if f"reasoning_effort={effort}" in rejected:
        out.notes.append(f"reasoning_effort left out: {model.name} rejects '{effort}'")
        return
    if reasoning.style == "budget":
        _budget(out, model, asked, effort, forced_tool)
        return
    if reasoning.style == "reasoning_config":
        _reasoning_config(out, model, effort)
    elif reasoning.style == "reasoning_effort":
        out.reasoning_fields["reasoning_effort"] = effort
    out.sent["reasoning_effort"] = effort


def _nearest(wanted: str, reasoning: Reasoning) -> str:
    """The effort asked for, or the nearest that the model knows; of two equally near ones the smaller."""
    at = LADDER.index(wanted)
    known = [LADDER.index(effort) for effort in reasoning.efforts if effort in LADDER and effort != "none"]
    return wanted if wanted in reasoning.efforts else LADDER[min(known, key=lambda i: (abs(i - at), i))]


def _budget(out: Settled, model: Model, asked: Parameters, effort: str, forced_tool: bool) -> None:
    """Claude up to 4.5: the budget lies inside max_tokens and excludes sampling parameters and forced tools."""
    if forced_tool:
        out.notes.append(f"reasoning_effort left out: {model.name} cannot think while a tool call is forced")
        return
    budget = BUDGETS.get(effort, BUDGETS["high"])
    if asked.max_tokens is None:
        out.sent["max_tokens"] = min(out.sent["max_tokens"] + budget, model.output_tokens)
    budget = min(budget, out.sent["max_tokens"] - 1)
    if budget < LEAST_BUDGET:
        out.notes.append(f"reasoning_effort left out: thinking needs max_tokens over {LEAST_BUDGET} on {model.name}")
        return
    for name in ("temperature", "top_p", "top_k"):
        if out.sent.pop(name, None) is not None:
            out.notes.append(f"{name} left out: {model.name} rejects it while thinking")
    out.reasoning_fields["thinking"] = {"type": "enabled", "budget_tokens": budget}
    out.sent["reasoning_effort"] = effort


def _reasoning_config(out: Settled, model: Model, effort: str) -> None:
    """Nova 2: at high effort the model sets length and sampling itself and rejects ours."""
    if effort == "high":
        for name in ("temperature", "top_p", "top_k", "max_tokens"):
            if out.sent.pop(name, None) is not None:
                out.notes.append(f"{name} left out: {model.name} rejects it at high reasoning effort")
    out.reasoning_fields["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": effort}

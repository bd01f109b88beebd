"""From what was asked, a preset and a model's rules to the parameters that go out, with a note for each deviation."""

from __future__ import annotations

from typing import Any

import msgspec

from slipstream.chat.request import Parameters
from slipstream.errors import InvalidRequest
from slipstream.models.model import Model, Range
from slipstream.models.presets import DEFAULT_MAX_TOKENS, Preset
from slipstream.models.reasoning import choose_effort

EITHER = "temperature+top_p"
"""Name of the learnt rule that only one of the two may be sent."""


class Settled(msgspec.Struct):
    """Parameters as they go out (see ``ResolvedCall``) and what the reply has to tell about them."""

    sent: dict[str, Any]
    reasoning_fields: dict[str, Any]
    notes: list[str]


def settle(
    model: Model, asked: Parameters, preset: Preset | None, rejected: frozenset[str], forced_tool: bool
) -> Settled:
    """Fit parameters to a model. ``rejected`` holds learnt rules, ``forced_tool`` whether a tool must be called.

    A caller's own value wins over the preset's. A parameter that the model rejects is left out and told; a value that
    lies outside the model's range is the caller's to correct: InvalidRequest that names it.
    """
    out = Settled({}, {}, [])
    _max_tokens(out, model, asked, preset, rejected)
    _sampling(out, model, asked, preset, rejected)
    _stop(out, model, asked.stop, rejected)
    if asked.reasoning_effort is not None:
        choose_effort(out, model, asked, rejected, forced_tool)
    return out


def _max_tokens(out: Settled, model: Model, asked: Parameters, preset: Preset | None, rejected: frozenset[str]) -> None:
    limit = model.output_tokens
    own = asked.max_tokens
    if own is not None:
        if own < 1:
            raise InvalidRequest(f"max_tokens is {own}; it must be 1 or more", param="max_tokens")
        if model.known and own > limit:
            raise InvalidRequest(
                f"max_tokens is {own}, but {model.name} writes at most {limit} tokens; ask for {limit} or fewer",
                param="max_tokens",
            )
        out.sent["max_tokens"] = own
        return
    thinking = model.reasoning.allowance_tokens if model.reasoning and model.reasoning.on_by_default else 0
    wanted = (preset.max_tokens if preset else DEFAULT_MAX_TOKENS) + thinking
    for rule in rejected:
        if rule.startswith("max_tokens<="):
            limit = min(limit, int(rule[12:]))
    out.sent["max_tokens"] = min(wanted, limit)
    if preset is None:
        out.notes.append(
            f"max_tokens was not given: {out.sent['max_tokens']} sent, since Bedrock reserves the model's maximum "
            f"({limit}) of the quota for a call without one"
        )


def _sampling(out: Settled, model: Model, asked: Parameters, preset: Preset | None, rejected: frozenset[str]) -> None:
    rules, sent = model.rules, out.sent
    own = {"temperature": asked.temperature, "top_p": asked.top_p, "top_k": asked.top_k}
    ranges = {"temperature": rules.temperature, "top_p": rules.top_p, "top_k": rules.top_k}
    sampled_by_caller = any(value is not None for value in own.values())
    for name, value in own.items():
        allowed = None if name in rejected else ranges[name]
        if value is not None:
            if allowed is None:
                out.notes.append(f"{name} left out: {model.name} rejects it")
            else:
                sent[name] = _within(name, value, allowed, model)
        elif preset is not None and allowed is not None and not (name == "top_k" and sampled_by_caller):
            sent[name] = min(max(getattr(preset, name), allowed.low), allowed.high)
    if "top_k" in sent:
        sent["top_k"] = int(sent["top_k"])
    if "temperature" in sent and "top_p" in sent and (rules.temperature_or_top_p or EITHER in rejected):
        loser = "temperature" if asked.temperature is None and asked.top_p is not None else "top_p"
        del sent[loser]
        out.notes.append(f"{loser} left out: {model.name} rejects temperature together with top_p")
    if preset is not None and not sampled_by_caller and ranges["temperature"] is None:
        out.notes.append(f"the use case's temperature and top_p left out: {model.name} rejects sampling parameters")


def _within(name: str, value: float, allowed: Range, model: Model) -> float:
    if not allowed.holds(value):  # also true of NaN
        raise InvalidRequest(
            f"{name} is {value}, but {model.name} takes {allowed.low:g} to {allowed.high:g}", param=name
        )
    return value


def _stop(out: Settled, model: Model, stop: list[str], rejected: frozenset[str]) -> None:
    if not stop:
        return
    if not model.rules.stop or "stop" in rejected:
        out.notes.append(f"stop left out: {model.name} rejects stop sequences; cut the answer yourself")
        return
    most = model.rules.max_stop
    if most is not None and len(stop) > most:
        raise InvalidRequest(f"stop has {len(stop)} sequences, but {model.name} takes at most {most}", param="stop")
    out.sent["stop"] = stop

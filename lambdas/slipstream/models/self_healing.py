"""Reads a ValidationException: which parameter the model does not want, and how the call goes without it."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from slipstream.errors import InvalidRequest, SlipstreamError
from slipstream.models.cache_marks import has_own_points, without_own_points
from slipstream.models.lasting_rules import ENUMERATED, lasting_rule, may_be_callers_words
from slipstream.models.parameters import EITHER
from slipstream.models.resolved import ResolvedCall

REFUSALS = re.compile(
    r"not (?:currently )?(?:be )?(?:supported|permitted|allowed|accepted|available|recognized)|unsupported|deprecated|"
    r"does ?n[o'’]t (?:currently )?(?:support|accept|allow)|do(?:es)? not (?:support|accept|allow)|extraneous|unknown|"
    r"unrecognized|unexpected|cannot (?:both )?be|can ?not be|invalid (?:field|parameter|key)|only the default|"
    r"may only be set|did not allow"
)
"""How Bedrock and the models behind it say no to a field, rather than to its value."""

MENTIONS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("cache_points", re.compile(r"cache_?point|cache_?control|prompt cach|caching")),
    ("latency", re.compile(r"latency|performance_?config")),
    ("service_tier", re.compile(r"service_? ?tier")),
    ("reasoning_effort", re.compile(r"reasoning_?\.?(?:effort|config)?\b|thinking|outputconfig\.effort|\beffort\b")),
    ("stop", re.compile(r"stop_?sequences?|\bstop\b")),
    ("top_k", re.compile(r"\btop_?k\b")),
    ("temperature", re.compile(r"\btemperature\b")),
    ("top_p", re.compile(r"\btop_?p\b")),
)
"""Our name of a parameter → how messages call it, in the order in which to ask (in lower case)."""

TOGETHER = re.compile(r"\bboth\b|together|only one|one of|simultaneously|at the same time")
CONDITIONAL = re.compile(r"\bwhen\b|\bwhile\b|\bunless\b|is enabled")
"""Said of this combination, not of the model: the call is healed, but nothing is remembered."""
TOO_MANY_TOKENS = re.compile(
    r"max(?:imum)?_?\s?(?:(?:output|completion)_)?tokens.*?(?:exceeds?|greater than|limit of|at most).*?(\d[\d,]*)"
)
TOOLS = re.compile(r"tool_?choice|tool use|toolconfig|forc\w+ tool")
VALUE_RULE = re.compile(rf"max_tokens<=[1-9]\d{{0,8}}|(?:{'|'.join(ENUMERATED)})=[a-z]{{1,20}}")
MAX_TOKENS = re.compile(r"max\w*\s?tokens")
SAMPLING = ("top_k", "temperature", "top_p")
PATTERNS = dict(MENTIONS)
RULES = frozenset({*(name for name in PATTERNS if name not in ENUMERATED), EITHER})


def is_rule(rule: str) -> bool:
    """Whether this is a rule that we could have learnt: a shared table may hold those of other versions."""
    return rule in RULES or VALUE_RULE.fullmatch(rule) is not None


def heal(call: ResolvedCall, error: SlipstreamError) -> tuple[ResolvedCall, list[str]] | None:
    """The call without what was rejected, and the rules to remember once that has succeeded.

    None where the error names nothing that was sent.

    Tools and tool choices are never touched: an answer without the forced call would be another answer.
    """
    if not isinstance(error, InvalidRequest):
        return None
    text = error.message.lower()
    if TOOLS.search(text):
        return None
    limit = TOO_MANY_TOKENS.search(text)
    if limit is not None:
        return _lower_limit(call, int(limit[1].replace(",", "")))
    if not REFUSALS.search(text):
        return None
    named = [name for name, pattern in MENTIONS if pattern.search(text)]
    if "temperature" in named and "top_p" in named and TOGETHER.search(text):
        return _without_either(call)
    sent = [name for name in named if _was_sent(call, name)]
    if not sent:
        return None
    # One message may refuse several sampling parameters; of others, the first named is what it is about.
    refused = [name for name in sent if name in SAMPLING] or sent[:1]
    of_this_call = CONDITIONAL.search(text) is not None or len(refused) < len(sent)
    rules: list[str] = []
    for name in refused:
        rule = None if of_this_call else lasting_rule(call, name, text, PATTERNS[name])
        rules += [rule] if rule else []
        call = _without(call, name, rule)
    return call, rules


def _without_either(call: ResolvedCall) -> tuple[ResolvedCall, list[str]] | None:
    if not {"temperature", "top_p"} <= call.sent.keys():
        return None
    quoted = may_be_callers_words(call, PATTERNS["temperature"]) or may_be_callers_words(call, PATTERNS["top_p"])
    rule = None if quoted else EITHER
    return _without(call, _loser(call), rule), [rule] if rule else []


def _loser(call: ResolvedCall) -> str:
    """Of temperature and top_p the one that only the preset wanted; else top_p."""
    asked = call.request.parameters
    return "temperature" if asked.temperature is None and asked.top_p is not None else "top_p"


def _was_sent(call: ResolvedCall, name: str) -> bool:
    if name == "cache_points":
        return bool(call.cache_points) or has_own_points(call.request)
    if name in ("latency", "service_tier"):
        return getattr(call, name) is not None
    return name in call.sent


def _without(call: ResolvedCall, name: str, rule: str | None) -> ResolvedCall:
    why = "the model rejected it in this call" if rule is None else f"the model rejected it ({rule}); remembered"
    notes = [*call.notes, f"{name} left out: {why}"]
    if name == "cache_points":
        request = without_own_points(call.request, notes)
        return msgspec.structs.replace(call, request=request, cache_points=[], prompt_cache=None, notes=notes)
    changes: dict[str, Any] = {"notes": notes}
    if name in ("latency", "service_tier"):
        changes[name] = None
    else:
        changes["sent"] = {key: value for key, value in call.sent.items() if key != name}
        if name == "reasoning_effort":
            changes["reasoning_fields"] = {}
    return msgspec.structs.replace(call, **changes)


def _lower_limit(call: ResolvedCall, limit: int) -> tuple[ResolvedCall, list[str]] | None:
    """Only a max_tokens that we chose is lowered; the caller's own is the caller's to correct."""
    chosen = call.sent.get("max_tokens")
    if call.request.parameters.max_tokens is not None or chosen is None or not 0 < limit < chosen:
        return None
    rules = [] if may_be_callers_words(call, MAX_TOKENS) else [f"max_tokens<={limit}"]
    told = f"max_tokens lowered to {limit}, the model's limit by its own words" + ("; remembered" if rules else "")
    sent = {**call.sent, "max_tokens": limit}
    return msgspec.structs.replace(call, sent=sent, notes=[*call.notes, told]), rules

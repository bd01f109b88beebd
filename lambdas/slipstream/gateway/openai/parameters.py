"""Sampling parameters, and what Bedrock has nothing for: neutral values pass, others are refused by name."""

from __future__ import annotations

from typing import Any

from slipstream.chat.request import Parameters
from slipstream.errors import InvalidRequest
from slipstream.gateway.openai.body import ChatBody

MAX_TOKENS = 2**31 - 1
MAX_STOPS = 2500
MAX_METADATA = 16
MAX_METADATA_CHARS = 256
METADATA_SIGNS = str.maketrans("", "", " \t\n\r\f\v:_@$#=/+,-.")

NEUTRAL: dict[str, tuple[tuple[Any, ...], str]] = {
    "n": ((1,), "Bedrock answers once a call; send the request several times instead"),
    "logprobs": ((False,), "Bedrock's models give no log probabilities"),
    "top_logprobs": ((0,), "Bedrock's models give no log probabilities"),
    "logit_bias": (({},), "Bedrock has no bias on single tokens"),
    "presence_penalty": ((0,), "Bedrock has no such penalty; only 0 is accepted"),
    "frequency_penalty": ((0,), "Bedrock has no such penalty; only 0 is accepted"),
    "store": ((False,), "answers are not kept here; leave it out"),
    "verbosity": (("medium",), "say in the prompt how long the answer should be"),
    "modalities": ((["text"], []), "answers are text; only ['text'] is accepted"),
    "audio": ((), "answers are text"),
    "prediction": ((), "Bedrock has no predicted outputs"),
    "functions": ((), "it was replaced by 'tools'"),
    "function_call": ((), "it was replaced by 'tool_choice'"),
    "web_search_options": ((), "the models reached here do not search the web; offer a tool that does"),
    "moderation": ((), "it is not offered here; use a guardrail on Bedrock's own wire"),
}
"""Parameter → values without effect, and why others cannot be served."""

TIERS = {
    "default": "default",
    "flex": "flex",
    "priority": "priority",
    "fast": "priority",
    "scale": "reserved",
    "reserved": "reserved",
}
"""OpenAI's tiers → Bedrock's. ``auto`` is: not asked."""


def refuse_unsupported(body: ChatBody) -> None:
    """Raise InvalidRequest for the first parameter that asks for something Bedrock cannot do."""
    for name, (neutral, why) in NEUTRAL.items():
        value = getattr(body, name)
        if value is not None and value not in neutral:
            raise InvalidRequest(f"Unsupported parameter: '{name}': {why}.", param=name, code="unsupported_parameter")


def decode(body: ChatBody) -> Parameters:
    """The sampling parameters. Raises InvalidRequest for what is out of OpenAI's ranges."""
    _within("temperature", body.temperature, 0, 2)
    _within("top_p", body.top_p, 0, 1)
    return Parameters(
        max_tokens=_max_tokens(body),
        temperature=body.temperature,
        top_p=body.top_p,
        stop=_stop(body.stop),
        reasoning_effort=body.reasoning_effort,
    )


def _within(name: str, value: float | None, low: int, high: int) -> None:
    if value is not None and not low <= value <= high:
        raise InvalidRequest(
            f"Invalid '{name}': it must lie between {low} and {high}.", param=name, code="invalid_value"
        )


def _max_tokens(body: ChatBody) -> int | None:
    _within("max_tokens", body.max_tokens, 1, MAX_TOKENS)
    _within("max_completion_tokens", body.max_completion_tokens, 1, MAX_TOKENS)
    if body.max_completion_tokens is None:
        return body.max_tokens
    if body.max_tokens is not None and body.max_tokens != body.max_completion_tokens:
        raise InvalidRequest(
            "'max_tokens' and 'max_completion_tokens' differ: they mean the same, send only 'max_completion_tokens'.",
            param="max_completion_tokens",
            code="invalid_value",
        )
    return body.max_completion_tokens


def _stop(stop: str | list[str] | None) -> list[str]:
    if stop is None:
        return []
    if isinstance(stop, str):
        if not stop:
            raise InvalidRequest("Invalid 'stop': it must not be empty.", param="stop", code="invalid_value")
        return [stop]
    if len(stop) > MAX_STOPS:
        raise InvalidRequest(f"Invalid 'stop': at most {MAX_STOPS} sequences.", param="stop", code="invalid_value")
    if "" in stop:
        param = f"stop[{stop.index('')}]"
        raise InvalidRequest(f"Invalid '{param}': it must not be empty.", param=param, code="invalid_value")
    return stop


def metadata(given: dict[str, Any] | None) -> dict[str, str]:
    """The caller's labels, within the limits of Bedrock's request metadata. Raises InvalidRequest."""
    if not given:
        return {}
    if len(given) > MAX_METADATA:
        raise InvalidRequest(
            f"Invalid 'metadata': at most {MAX_METADATA} pairs.", param="metadata", code="invalid_value"
        )
    for key, value in given.items():
        param = f"metadata.{key[:MAX_METADATA_CHARS]}"
        if not isinstance(value, str):
            raise InvalidRequest(f"Invalid type for '{param}': expected a string.", param=param, code="invalid_type")
        if not key or not _labels(key) or not _labels(value):
            raise InvalidRequest(
                f"Invalid '{param}': keys and values have at most {MAX_METADATA_CHARS} letters, digits, spaces and "
                "characters of :_@$#=/+,-. (keys at least one).",
                param=param,
                code="invalid_value",
            )
    return given


def _labels(text: str) -> bool:
    rest = text.translate(METADATA_SIGNS)
    return len(text) <= MAX_METADATA_CHARS and rest.isascii() and (not rest or rest.isalnum())


def notes(body: ChatBody) -> list[str]:
    """What was accepted without effect, for the reply."""
    told = []
    if body.seed is not None:
        told.append("seed has no effect: Bedrock's models take none")
    if body.prompt_cache_retention == "24h":
        told.append("prompt_cache_retention has no effect: Bedrock keeps a cached prefix for 5 minutes or 1 hour")
    return told

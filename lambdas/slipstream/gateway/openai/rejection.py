"""Why a body was not understood, in the words and with the codes of OpenAI's API."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from slipstream.chat.retrieval_options import Boosts, RetrievalOptions
from slipstream.errors import InvalidRequest

Body = TypeVar("Body")

SHOWN = 80
"""Characters of a caller's own text that an error repeats."""

TYPES = {
    "str": "a string", "int": "an integer", "float": "a number", "bool": "a boolean", "object": "an object",
    "array": "an array", "null": "null",
}  # fmt: skip

CHOICES = {
    "messages[].role": ("system", "developer", "user", "assistant", "tool"),
    "messages[].content[].type": ("text", "image_url"),
    "messages[].content[].image_url.detail": ("auto", "low", "high", "original"),
    "messages[].content[].prompt_cache_breakpoint.mode": ("explicit",),
    "messages[].content[].prompt_cache_breakpoint.ttl": ("30m", "12h"),
    "messages[].content[].cache_control.type": ("ephemeral",),
    "messages[].content[].cache_control.ttl": ("5m", "1h"),
    "messages[].tool_calls[].type": ("function",),
    "messages[].reasoning_details[].type": ("reasoning.text", "reasoning.encrypted"),
    "reasoning_effort": ("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    "tools[].type": ("function",),
    "tool_choice": ("none", "auto", "required"),
    "tool_choice.type": ("function",),
    "response_format.type": ("text", "json_object", "json_schema"),
    "service_tier": ("auto", "default", "flex", "priority", "fast", "scale", "reserved"),
    "prompt_cache_options.mode": ("implicit", "explicit"),
    "prompt_cache_options.ttl": ("30m",),
    "prompt_cache_retention": ("in_memory", "in-memory", "24h"),
    "verbosity": ("low", "medium", "high"),
    "slipstream.use_case": ("extraction", "classification", "summarization", "creative", "code", "chat"),
    "slipstream.latency": ("standard", "optimized"),
    "slipstream.cache": ("auto", "off", "exact", "semantic", "refresh", "race"),
    "slipstream.prompt_cache": ("auto", "off"),
    **{
        f"{below}retrieval.{field}": choices
        for below in ("slipstream.", "")  # a chat's options; the fields of /v1/search and /v1/answers
        for field, choices in (
            ("rerank", ("local", "bedrock", "off")),
            ("off[]", ("followup", "rewrite", "frame", "phrases", "identifiers", "expansions", "language")),
        )
    },
    "encoding_format": ("float", "base64"),
    "input_type": ("search_document", "search_query", "classification", "clustering"),
}
"""What a field may hold, by its path without indices. Told only when something else came."""


def decode(decoder: msgspec.json.Decoder[Body], body: bytes) -> Body:
    """Decode ``body``. Raises InvalidRequest with the field's path as ``param``, whatever the bytes are."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise explained(str(error)) from None
    except msgspec.DecodeError as error:
        raise _malformed(_position(str(error), body)) from None
    except UnicodeDecodeError as error:
        raise _malformed(_encoding(error, body)) from None
    except RecursionError:
        raise _malformed("it is nested too deeply") from None


def explained(complaint: str) -> InvalidRequest:
    """Turn msgspec's complaint into OpenAI's."""
    what, _, at = complaint.rpartition(" - at `$") if " - at `$" in complaint else (complaint, "", "")
    path = at.rstrip("`").lstrip(".").replace("[...]", "")
    if what.startswith("Object contains unknown field `"):
        param = _join(path, what[len("Object contains unknown field `") : -1][:SHOWN])
        return InvalidRequest(f"Unknown parameter: '{param}'.", param=param, code="unknown_parameter")
    if what.startswith("Object missing required field `"):
        param = _join(path, what[len("Object missing required field `") : -1])
        return InvalidRequest(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")
    if what.startswith("Expected `") and what[-1].isdigit():  # Expected `float` <= 1.0
        return _out_of_range(path)
    if what.startswith("Expected `"):
        return _wrong_type(what, path)
    if what.startswith(("Invalid value ", "Invalid enum value ")):
        return _wrong_value(what.split("value ", 1)[1], path)
    return InvalidRequest(
        f"Invalid value for '{path or 'body'}': {what[:SHOWN]}.", param=path or None, code="invalid_value"
    )


def _wrong_type(what: str, path: str) -> InvalidRequest:
    expected, _, got = what.removeprefix("Expected `").partition("`, got `")
    allowed = [TYPES.get(name, name) for name in expected.rstrip("`").split(" | ") if name != "null"] or ["null"]
    message = f"expected {' or '.join(allowed)}" + (
        f", but got {TYPES.get(got[:-1], got[:-1])} instead." if got else "."
    )
    where = f"Invalid type for '{path}'" if path else "Invalid body"
    return InvalidRequest(f"{where}: {message}", param=path or None, code="invalid_type")


def _out_of_range(path: str) -> InvalidRequest:
    """Of the two bounds msgspec names the one that does not hold."""
    name = path.rpartition(".")[2]
    low, high = next(
        (part.ge, part.le)
        for struct in (RetrievalOptions, Boosts)  # no other type of this wire has bounds
        for field in msgspec.inspect.type_info(struct).fields  # type: ignore[attr-defined]
        if field.name == name
        for part in getattr(field.type, "types", (field.type,))
        if hasattr(part, "ge")
    )
    return InvalidRequest(f"Invalid '{path}': it must lie between {low} and {high}.", param=path, code="invalid_value")


def _wrong_value(value: str, path: str) -> InvalidRequest:
    shown = value if len(value) <= SHOWN else value[:SHOWN] + "…"
    known = CHOICES.get("".join("[]" if piece.isdigit() else piece for piece in _pieces(path)), ())
    supported = f" Supported values are: {', '.join(repr(choice) for choice in known)}." if known else ""
    where = f"Invalid value for '{path}'" if path else "Invalid value"
    return InvalidRequest(f"{where}: {shown}.{supported}", param=path or None, code="invalid_value")


def _pieces(path: str) -> list[str]:
    return path.replace("[", "\0").replace("]", "\0").split("\0")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _malformed(why: str) -> InvalidRequest:
    return InvalidRequest(f"The body is not valid JSON: {why}.", code="invalid_json")


def _position(complaint: str, body: bytes) -> str:
    if complaint == "Input data was truncated":
        return f"it ends too early (byte {len(body)})" if body.strip() else "it is empty"
    return complaint.removeprefix("JSON is malformed: ")


def _encoding(error: UnicodeDecodeError, body: bytes) -> str:
    try:
        body.decode()
    except UnicodeDecodeError as whole:
        error = whole
    return f"it is not UTF-8 (byte {error.start})"

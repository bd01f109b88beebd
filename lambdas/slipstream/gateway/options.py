"""Our own options, from ``x-slipstream-*`` headers or from the body's ``slipstream`` object."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from slipstream.chat.request import Options
from slipstream.errors import InvalidRequest

PREFIX = "x-slipstream-"
MAX_DEADLINE_MS = 900_000
"""Fifteen minutes: no stream through API Gateway lasts longer."""

NONE_GIVEN = Options()
CHOICES: dict[str, tuple[str, ...]] = {
    "use_case": ("extraction", "classification", "summarization", "creative", "code", "chat"),
    "latency": ("standard", "optimized"),
    "cache": ("auto", "off", "exact", "semantic", "refresh", "race"),
    "prompt_cache": ("auto", "off"),
}
NUMBERS = {"deadline_ms": "milliseconds", "max_age_s": "seconds"}
IN_HEADERS = (*CHOICES, *NUMBERS)


def from_headers(headers: Mapping[str, str]) -> Options:
    """Read ``x-slipstream-use-case`` and its like; ``headers`` has lower-case names.

    Raises InvalidRequest, with the header's name as ``param``, for an unknown header or value.
    """
    given = {name: value for name, value in headers.items() if name.startswith(PREFIX)}
    if not given:
        return NONE_GIVEN
    fields = {}
    for name, value in given.items():
        field = name[len(PREFIX) :].replace("-", "_")
        if field not in IN_HEADERS:
            known = ", ".join(PREFIX + option.replace("_", "-") for option in IN_HEADERS)
            raise InvalidRequest(f"Unknown header '{name[:80]}'. Known are: {known}.", param=name[:80])
        fields[field] = _field(name, field, value.strip())
    return checked(msgspec.convert(fields, Options), "header")


def _field(name: str, field: str, value: str) -> str | int:
    if field in CHOICES:
        if value not in CHOICES[field]:
            raise InvalidRequest(
                f"Header '{name}' has the unknown value '{value[:80]}'. Known are: {', '.join(CHOICES[field])}.",
                param=name,
            )
        return value
    if not (value.isascii() and value.isdigit() and len(value) <= 12):
        raise InvalidRequest(f"Header '{name}' must be a whole number, in {NUMBERS[field]}.", param=name)
    return int(value)


def checked(options: Options, origin: str = "body") -> Options:
    """Hand back ``options`` when its numbers are in range. Raises InvalidRequest; ``origin`` is header or body."""
    deadline_ms = options.deadline_ms
    if deadline_ms is not None and not 1 <= deadline_ms <= MAX_DEADLINE_MS:
        param = PREFIX + "deadline-ms" if origin == "header" else "slipstream.deadline_ms"
        raise InvalidRequest(f"'{param}' must lie between 1 and {MAX_DEADLINE_MS} ms.", param=param)
    if options.max_age_s is not None and options.max_age_s < 0:
        raise InvalidRequest("'slipstream.max_age_s' must be 0 or more seconds.", param="slipstream.max_age_s")
    return options


def merged(headers: Options, body: Options | None) -> Options:
    """What counts when options came both ways: the body's, where it says something, else the headers'."""
    if body is None or body == NONE_GIVEN:
        return headers
    if headers is NONE_GIVEN:
        return body
    return Options(
        **{
            name: getattr(headers, name) if getattr(body, name) is None else getattr(body, name)
            for name in Options.__struct_fields__
        }
    )

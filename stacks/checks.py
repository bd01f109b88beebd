"""Checks of single deploy settings: each returns what would be right, or None where the value is."""

from __future__ import annotations

import re
import zoneinfo
from typing import Any

from stacks.setting import Check

_RATE = re.compile(r"rate\(([1-9][0-9]*) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\(( ?[^ ()]+){6}\)")


def is_stage(value: str) -> str | None:
    """Part of names and of the URL."""
    right = value.isascii() and value.isalnum() and value == value.lower() and len(value) <= 20
    return None if right else "up to 20 lower-case letters and digits: it is part of names and of the URL"


def is_foundation_model(value: str) -> str | None:
    """No inference profile."""
    plain = not value.startswith("arn:") and value.count(".") == 1
    right = plain or (value.startswith("arn:") and "::foundation-model/" in value)
    return None if right else "a foundation model's id or ARN, as cohere.rerank-v3-5:0"


def is_search_instance(value: str) -> str | None:
    """A type of OpenSearch's instances."""
    return None if value.endswith(".search") and value.count(".") == 2 else "an OpenSearch type, as r6g.large.search"


def is_address(value: str) -> str | None:
    """A mail address."""
    name, at, host = value.partition("@")
    return None if name and at and "." in host and not value.isspace() else "a mail address"


def are_patterns(value: tuple[str, ...]) -> str | None:
    """Regular expressions of Python's."""
    for pattern in value:
        try:
            re.compile(pattern)
        except re.error as error:
            return f"regular expressions; {pattern!r} is none: {error}"
    return None


def is_arn(service: str) -> Check:
    """The ARN of one service's resource."""
    return lambda value: None if value.startswith("arn:") and f":{service}:" in value else f"the ARN of {service}"


def is_schedule(value: str) -> str | None:
    """An expression of EventBridge Scheduler that comes again. AWS says ``1 minute`` and ``5 minutes``."""
    if rate := _RATE.fullmatch(value):
        right = (int(rate[1]) == 1) != value.endswith("s)")
    else:
        right = _CRON.fullmatch(value) is not None and value.count("?") == 1
    return None if right else "as rate(1 hour), or as cron(0 3 * * ? *): six fields, one of the two kinds of day a '?'"


def is_time_zone(value: str) -> str | None:
    """A name of the time-zone database; where this machine has none, only its form is looked at."""
    known = zoneinfo.available_timezones()
    right = value in known if known else re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", value) is not None
    return None if right else "a name of the time-zone database, as Europe/Berlin"


def is_share(value: Any) -> str | None:
    """A part of all."""
    return None if 0 <= value <= 1 else "a share from 0 (none) to 1 (all)"

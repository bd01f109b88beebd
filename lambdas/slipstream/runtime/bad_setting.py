"""What is raised where a function's environment cannot be used."""

from __future__ import annotations

from slipstream.errors import SlipstreamError


class BadSetting(SlipstreamError):
    """An environment variable that cannot be used; the message names it, its value's shape and what would be right."""

    code = "bad_setting"

"""The settings of the log of what is asked."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.cache_settings import CacheSettings, number

MOST_DAYS = 400


class QueryLogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``share`` (0 to 1, 0 excluded) of the requests are logged, and kept for ``days``."""

    share: float
    days: int


def read_query_log_settings(environ: Mapping[str, str], cache: CacheSettings | None) -> QueryLogSettings | None:
    """``SLIPSTREAM_QUERY_LOG_SHARE`` (0, the default: nothing is logged) and ``SLIPSTREAM_QUERY_LOG_DAYS``.

    Raises BadSetting; also where there is no cache, in whose table the log is kept.
    """
    share = number(environ, "SLIPSTREAM_QUERY_LOG_SHARE", 0.0, 0, 1)
    if not share:
        return None
    if cache is None:
        raise BadSetting("SLIPSTREAM_QUERY_LOG_SHARE wants SLIPSTREAM_CACHE=on: the log is kept beside the answers")
    return QueryLogSettings(share=share, days=log_days(environ))


def log_days(environ: Mapping[str, str]) -> int:
    """``SLIPSTREAM_QUERY_LOG_DAYS``. Raises BadSetting."""
    return int(number(environ, "SLIPSTREAM_QUERY_LOG_DAYS", 90, 1, MOST_DAYS))

"""The log of what is asked: its settings, and where it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from slipstream.runtime.bad_setting import BadSetting
from slipstream.runtime.cache_parts import CacheSettings, answers_table, number

if TYPE_CHECKING:
    from slipstream.aws.places import Authorizes, Places
    from slipstream.aws.transport import Transport
    from slipstream.caching.filling.asked import AskedStore

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


def asked_store(
    cache: CacheSettings, *, transport: Transport, auth: Authorizes, places: Places
) -> AskedStore:  # fmt: skip
    """The log: in the table of answers, or in this process's memory where there is no table."""
    if not cache.table:
        from slipstream.fakes.asked_store import MemoryAskedStore

        return MemoryAskedStore()
    from slipstream.aws.asked_table import DynamoAskedStore

    return DynamoAskedStore(answers_table(cache, transport=transport, auth=auth, places=places))

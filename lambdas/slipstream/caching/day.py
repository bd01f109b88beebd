"""Days in UTC, as counts and the log of questions are kept by."""

from __future__ import annotations

from datetime import UTC, datetime

DAY_S = 86_400.0


def day_of(at_s: float) -> str:
    """The day of a Unix time, as ``2026-11-26``."""
    return datetime.fromtimestamp(at_s, UTC).date().isoformat()

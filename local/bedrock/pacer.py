"""Sleeping against absolute deadlines."""

from __future__ import annotations

import asyncio
import time


async def sleep_until(deadline_s: float) -> None:
    """Return at ``deadline_s`` (time.monotonic()), or at once where it has passed: lateness never adds up."""
    left = deadline_s - time.monotonic()
    if left > 0:
        await asyncio.sleep(left)

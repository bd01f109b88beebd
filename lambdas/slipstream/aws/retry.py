"""When a failed call is tried once more, and after how long."""

from __future__ import annotations

import os
import select
from time import perf_counter

from slipstream.aws.connection import Patience
from slipstream.disconnect import Disconnect
from slipstream.errors import ClientGone, SlipstreamError, Throttled, UpstreamInternal, UpstreamUnavailable

LONGEST_WAIT_S = 1.0
"""A service that asks for more than this is not asked again: the caller gets its Retry-After."""


def worth_another(error: SlipstreamError) -> bool:
    """Throttled, unavailable, unreachable or broken by itself: the same call may succeed a moment later."""
    if not isinstance(error, (Throttled, UpstreamUnavailable, UpstreamInternal)) or not error.retryable:
        return False
    return error.code != "service_quota_exceeded" and (error.retry_after_s or 0.0) <= LONGEST_WAIT_S


def again(error: SlipstreamError, patience: Patience, most_s: float) -> bool:
    """Whether to send once more, after the wait; takes the request's one repeat. Raises ClientGone."""
    if not patience.may_repeat or not pause(wait_s(error, most_s), patience.disconnect, patience.deadline_s):
        return False
    patience.may_repeat = False
    return True


def wait_s(error: SlipstreamError, most_s: float) -> float:
    """Full jitter over ``most_s`` seconds, not sooner than the service asked for."""
    jitter = int.from_bytes(os.urandom(2), "big") / 65536  # the random module costs 5 ms of a cold start
    return (error.retry_after_s or 0.0) + jitter * most_s


def pause(seconds: float, disconnect: Disconnect, deadline_s: float | None) -> bool:
    """Wait; False, at once, where the deadline would pass meanwhile. Raises ClientGone."""
    until_s = perf_counter() + seconds
    if deadline_s is not None and until_s >= deadline_s:
        return False
    watched = disconnect.fileno()
    poll = select.poll()
    if watched is not None and watched >= 0:
        poll.register(watched, select.POLLIN)
    while (left_s := until_s - perf_counter()) > 0:
        if poll.poll(left_s * 1000 + 1) and watched is not None:
            if disconnect.gone():
                raise ClientGone("the client closed its connection before the answer began")
            poll.unregister(watched)
            watched = None
    return True

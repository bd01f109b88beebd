"""Sleeping against absolute deadlines, to a fraction of a millisecond.

Event loops round timers to whole milliseconds, which is as much as what the benchmarks measure. On Linux one timerfd
on the monotonic clock serves all sleepers; elsewhere the loop's own timer does.
"""

from __future__ import annotations

import asyncio
import ctypes
import heapq
import itertools
import os
import sys
import time
from weakref import WeakKeyDictionary

_CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC, _TFD_TIMER_ABSTIME = 1, 0o2004000, 1


class _Spec(ctypes.Structure):
    """C's struct itimerspec."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("at_s", ctypes.c_long),
        ("at_ns", ctypes.c_long),
    )


class TimerFd:
    """Wakes sleepers of one event loop in the order of their deadlines."""

    # No reference to the loop is kept: the loop owns the timer, which closes its descriptor when the loop goes.
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._armed_s = float("inf")
        self._spec = _Spec(0, 0, 0, 0)
        loop.add_reader(self._fd, self._fired)

    def __del__(self) -> None:
        os.close(self._fd)

    async def sleep_until(self, deadline_s: float) -> None:
        """Return at ``deadline_s`` of time.monotonic()."""
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (deadline_s, next(self._order), future))
        if deadline_s < self._armed_s:
            self._arm(deadline_s)
        await future

    def _arm(self, deadline_s: float) -> None:
        self._armed_s = deadline_s
        seconds = int(deadline_s)
        self._spec.at_s, self._spec.at_ns = seconds, max(1, int((deadline_s - seconds) * 1e9))
        self._libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(self._spec), None)

    def _fired(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return
        self._armed_s = float("inf")
        now = time.monotonic()
        while self._sleepers and (self._sleepers[0][0] <= now or self._sleepers[0][2].done()):
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)
        if self._sleepers:
            self._arm(self._sleepers[0][0])


_timers: WeakKeyDictionary[asyncio.AbstractEventLoop, TimerFd] = WeakKeyDictionary()


async def sleep_until(deadline_s: float) -> None:
    """Return at ``deadline_s`` (time.monotonic()), or at once where it has passed: lateness never adds up."""
    left = deadline_s - time.monotonic()
    if left <= 0:
        return
    if sys.platform != "linux":
        await asyncio.sleep(left)
        return
    loop = asyncio.get_running_loop()
    timer = _timers.get(loop)
    if timer is None:
        timer = _timers[loop] = TimerFd(loop)
    await timer.sleep_until(deadline_s)

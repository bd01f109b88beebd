"""The second step of a run: each question of a plan answered as its callers would have it, and kept.

What became of an item is written before the next is begun. So a run that is killed loses nothing, and one that is begun
again pays for nothing twice but for the item that was being answered: that one's answer stands in the cache, if it is
one that may be kept.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from slipstream.caching.filling.asked import AskedStore, Family
from slipstream.caching.filling.runs import Filled, Item, Outcome, RunStore
from slipstream.caching.filling.template import asked_with
from slipstream.chat.request import ChatRequest
from slipstream.errors import SlipstreamError, Throttled

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
TRIES = 3
"""Of an item whose model service fails; one that is throttled is tried until the time is over."""
LEAST_S = 5.0
"""Nothing is begun with less time than that."""


class Made(msgspec.Struct, frozen=True):
    """What came of answering. ``reason`` says why an answer may not be kept."""

    outcome: Outcome
    reason: str = ""
    cost_usd: float = 0.0


class Answerer(Protocol):
    """Makes one answer and keeps it, unless one that lives long enough stands there."""

    def answer(self, request: ChatRequest, *, within_s: float) -> Made:
        """What came of it. Raises SlipstreamError where there is no answer, ``retryable`` ones where there may be."""
        ...


class OutOfTime(SlipstreamError):
    """The function's time is nearly over: whoever called calls again, for what is left."""

    http_status, code, retryable = 503, "out_of_time", True


class Filler:
    """Built once an environment. Never begins more than ``per_minute`` answers a minute."""

    def __init__(
        self,
        answerer: Answerer,
        *,
        asked: AskedStore,
        runs: RunStore,
        per_minute: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``clock`` gives Unix time (s)."""
        self._answerer = answerer
        self._asked = asked
        self._runs = runs
        self._between_s = 60.0 / per_minute
        self._clock = clock
        self._sleep = sleep
        self._next_s = 0.0

    def fill(self, run: str, items: Sequence[Item], *, until_s: float) -> dict[str, Any]:
        """Answer ``items`` of ``run``: how many of each outcome, ``done`` before, and ``cost_usd``, this call's.

        ``until_s`` is Unix time. Raises OutOfTime where that comes first, Throttled where the model service wants no
        more until then, and what the stores raise: what is done by then is done.
        """
        done = {one.key: one for one in self._runs.filled(run)}
        known = self._runs.get(run)
        left_usd = float("inf") if known is None or known.budget_usd is None else known.budget_usd
        left_usd -= sum(one.cost_usd for one in done.values())
        families: dict[tuple[str, str], Family | None] = {}
        told: Counter[str] = Counter()
        cost_usd = 0.0
        for item in items:
            if item.key in done:
                told["done"] += 1
                continue
            place = (item.namespace, item.family)
            if place not in families:
                families[place] = self._asked.family(*place)
            filled = self._filled(item, families[place], left_usd, until_s)
            self._runs.fill(run, filled)
            done[item.key] = filled
            left_usd -= filled.cost_usd
            cost_usd += filled.cost_usd
            told[filled.outcome] += 1
        return {"run": run, **told, "cost_usd": round(cost_usd, 9)}

    def _filled(self, item: Item, family: Family | None, left_usd: float, until_s: float) -> Filled:
        if left_usd <= 0:
            return Filled(key=item.key, outcome="failed", reason="budget_spent")
        if family is None:
            return Filled(key=item.key, outcome="failed", reason="template_gone")
        try:
            request = asked_with(family.template, item.question)
        except msgspec.MsgspecError:
            return Filled(key=item.key, outcome="failed", reason="template_of_other_code")
        try:
            made = self._patiently(request, until_s)
        except (OutOfTime, Throttled):
            raise
        except SlipstreamError as error:
            return Filled(key=item.key, outcome="failed", reason=error.code)
        return Filled(key=item.key, outcome=made.outcome, reason=made.reason, cost_usd=made.cost_usd)

    def _patiently(self, request: ChatRequest, until_s: float) -> Made:
        pause_s, tries = FIRST_PAUSE_S, 0
        while True:
            self._wait(self._next_s - self._clock(), until_s, "the rate allows no more answers")
            began_s = self._clock()
            try:
                made = self._answerer.answer(request, within_s=until_s - began_s)
            except SlipstreamError as error:
                self._next_s = began_s + self._between_s
                tries += 1
                if not error.retryable or (tries == TRIES and not isinstance(error, Throttled)):
                    raise
                wait_s = max(pause_s, error.retry_after_s or 0.0)
                if isinstance(error, Throttled) and self._clock() + wait_s > until_s - LEAST_S:
                    raise
                self._wait(wait_s, until_s, error.message)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            if made.outcome != "held":  # those cost nothing but a look
                self._next_s = began_s + self._between_s
            return made

    def _wait(self, wait_s: float, until_s: float, why: str) -> None:
        if self._clock() + max(0.0, wait_s) > until_s - LEAST_S:
            raise OutOfTime(f"the function's time is over before the run's next answer ({why}); call again")
        if wait_s > 0:
            self._sleep(wait_s)
